"""The figure of a study: what each variation reached, seed by seed, and the way there."""

from coursework.figures import PALETTE, STYLE, save_figure

STYLES = ("-", "--", ":")


def draw_study(rows, path, count, curve_count):
    """Draw the rows of a study as `run_study` returns them: scores at the end on the left, curves on the right.

    count, curve_count: samples that a score on the left and one on the right is of: fewer give larger ones.
    Small dots are seeds, large ones their mean with its standard error. Rows have the colours of their curves, means
    over the seeds that have a score at that epoch.
    """
    import matplotlib
    import numpy as np
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.7, max(2.3, 0.6 + 0.24 * len(rows))), layout="constrained")
        left, right = figure.subplots(1, 2)
        for place, row in enumerate(rows):
            color, style = PALETTE[place % len(PALETTE)], STYLES[place // len(PALETTE) % len(STYLES)]
            values = [run["value"] for run in row["runs"] if run["value"] is not None]
            left.plot(values, [place] * len(values), "o", color=color, markersize=2.5, alpha=0.5)
            if row["mean"] is not None:
                left.errorbar(row["mean"], place, xerr=row["error"] or 0, fmt="o", color=color, markersize=4, capsize=2)
            epochs, means = _mean_curve(row["runs"], np)
            if epochs:
                right.plot(epochs, means, style, color=color, linewidth=1.1, marker="o", markersize=2.5)
        left.set_yticks(range(len(rows)), [row["variation"] for row in rows])
        left.invert_yaxis()
        left.set_title(f"FD-judge at the end (n {count:,})", loc="left")
        right.set_title(f"FD-judge in training (n {curve_count:,})", loc="left")
        right.set_xlabel("epoch")
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.grid(axis="x", color="#dddddd", linewidth=0.5)
        right.grid(axis="y", color="#dddddd", linewidth=0.5)
        save_figure(figure, path)


def _mean_curve(runs, np):
    found = {}
    for run in runs:
        for epoch, value in zip(run["curve"]["epochs"], run["curve"]["values"], strict=True):
            found.setdefault(epoch, []).append(value)
    return sorted(found), [float(np.mean(found[epoch])) for epoch in sorted(found)]
