"""The figures of a study, as blocks of a report."""

from coursework.report.document import figure, panel


def study_figures(context, folder, captions):
    """Return the figures of {target: (stem of a PNG file in `folder`, caption)} that are there."""
    blocks = []
    for target, (stem, words) in captions.items():
        image = context.images.add(folder / f"{stem}.png")
        if image:
            blocks.append(figure(target, [panel(image, height=150)], [words]))
    return blocks
