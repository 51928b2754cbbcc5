"""The table of strategies: what the searching witness says of each one's candidates, and what the second one says."""

from dataclasses import dataclass

import numpy as np

from coursework.pegasus.ranking import choose_batch, rank

SCORES = ("recognisability", "realism", "uniqueness", "overall", "diversity")


@dataclass(frozen=True)
class Verdict:
    """What an `Appraiser` says of images, its `Appraisal`, and what it says of real ones beside."""

    appraiser: object
    appraisal: object

    def means(self, indices, diverse):
        """Return {score: mean over the images at `indices`}, and how diverse they are where that is asked for."""
        means = self.appraisal.scores.mean(indices)
        found = {"diversity": self.appraiser.diversity(self.appraisal.features[indices])} if diverse else {}
        return means | found


def compare_pools(pools, chosen, first, second, count, others=()):
    """Return a row for each pool, the chosen batch, each of `others` and real images of the body, ready for JSON.

    chosen: indices into all candidates. first, second: `Verdict` of the searching witness and of the second one, or
    None. others: (name, `Verdict`, `Verdict` or None) of finished batches from elsewhere. A row holds "name", "run",
    "candidates", "all" and "batch": means of the scores over all candidates and over the batch of at most `count` that
    the searching witness's ranking takes from them (a batch from elsewhere is taken whole), each {"witness": {score:
    mean}, "second": the same or None}.
    """
    appraiser, appraisal = first.appraiser, first.appraisal
    rows, start = [], 0
    for pool in pools:
        mine = np.arange(start, start + pool.count)
        start += pool.count
        own = min(count, pool.count)
        batch = mine[choose_batch(appraisal.scores.take(mine), appraisal.features[mine], own, appraiser.scale(own))]
        rows.append(_row(pool.name, pool.run.name, mine, batch, first, second))
    everything = np.arange(start)
    rows.append(_row("chosen batch", None, everything, chosen, first, second))
    for name, mine, judged in others:
        whole = np.arange(len(mine.appraisal.features))
        rows.append(_row(name, None, whole, whole, mine, judged))
    real = {
        "witness": appraiser.real_scores().mean(),
        "second": second.appraiser.real_scores().mean() if second else None,
    }
    rows.append(
        {"name": f"real images: {appraiser.task.body}", "run": None, "candidates": 0, "all": real, "batch": None}
    )
    return rows


def _row(name, run, everything, batch, first, second):
    def means(indices, diverse):
        return {
            "witness": first.means(indices, diverse),
            "second": second.means(indices, diverse) if second else None,
        }

    return {
        "name": name,
        "run": run,
        "candidates": len(everything),
        # The diversity of hundreds says nothing beside that of 64: nearest neighbours come closer with their number.
        "all": means(everything, False),
        "batch": means(batch, True),
    }


def comparison_lines(rows):
    """Return the lines of the comparison for a terminal: the batch of each pool, by both witnesses."""
    heads = ["recognis.", "realism", "unique", "overall", "diverse"]
    lines = [
        f"{'':44}{'searching witness':^50}{'second witness':^50}",
        f"{'strategy and run':44}" + 2 * "".join(f"{head:>10}" for head in heads),
    ]
    for row in rows:
        means = row["batch"] or row["all"]
        name = row["name"] + (f", {row['run']}" if row["run"] else "")
        cells = [_cell((means[role] or {}).get(score)) for role in ("witness", "second") for score in SCORES]
        lines.append(f"{name[:43]:44}" + "".join(f"{cell:>10}" for cell in cells))
    lines.append("of each strategy: the batch that the searching witness's ranking takes from its candidates")
    return lines


def _cell(value):
    return "" if value is None else f"{value:.3f}"


def precision_of_top(truth, scores, count):
    """Return the share of true ones among the `count` candidates ranked highest: how well a ranking finds the good.

    truth: bool (n,); scores: their `CandidateScores`.
    """
    return float(np.mean(np.asarray(truth)[rank(scores)[:count]]))
