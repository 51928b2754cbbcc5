"""A figure of the best candidate: enlarged, beside what it came from and the training images nearest to it."""

from coursework.figures.grids import STYLE, save_figure

SPACES = {"pixels": "nearest in pixels", "features": "nearest in features"}


def draw_best(path, image, record, training_images):
    """Draw `image` (uint8 (h, w, c)) beside the training images that its record names as sources and neighbours.

    record: as the gallery takes it; training_images: {train_index: uint8 (h, w, c)}.
    """
    import matplotlib
    from matplotlib.figure import Figure

    panels = [("the best", image)]
    panels += [
        (
            f"{SPACES.get(found['space'], found['space'])}\n{found['distance']:.3g} away",
            training_images[found["train_index"]],
        )
        for found in record["neighbours"]
    ]
    panels += [
        (f"made from: {part['class']}", training_images[part["train_index"]])
        for part in record["origin"].values()
        if isinstance(part, dict) and part.get("train_index") in training_images
    ]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.7 * len(panels), 2.1), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (title, shown) in zip(axes, panels, strict=True):
            axis.imshow(shown if shown.shape[2] == 3 else shown.repeat(3, axis=2), interpolation="nearest")
            axis.set_title(title, fontsize=8.5)
            axis.set_axis_off()
        save_figure(figure, path)
