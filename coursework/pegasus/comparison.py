"""The table of strategies: what the searching witness says of each one's candidates, and what others say."""

from collections.abc import Sequence

import numpy as np

from coursework.pegasus.appraisal import Appraisal
from coursework.pegasus.pools import Pool

SCORES = ("recognisability", "realism", "uniqueness", "overall", "diversity")
Means = dict[str, dict[str, float] | None]


def compare_pools(
    pools: Sequence[Pool],
    chosen: np.ndarray,
    first: Appraisal,
    second: Appraisal | None,
    count: int,
    others: Sequence[tuple[str, Appraisal, Appraisal | None]] = (),
) -> list[dict]:
    """Return a row for each pool, the chosen batch, each of `others` and real images of the body, ready for JSON.

    chosen: indices into all candidates. first, second: by the searching witness and by the second one, or None.
    others: (name, by the one, by the other) of finished batches from elsewhere. A row holds "name", "run",
    "candidates", "all" and "batch": means of the scores over all candidates and over the batch of at most `count` that
    the ranking takes from them (a batch from elsewhere is taken whole), each {"witness": {score: mean}, "second": the
    same or None, "winged": {"recognisability": mean} by the judge of winged horses or None}; of the batch also
    "pixels": {"diversity"}, while that by a witness is one of its features. That judge ranks the
    winged class; other strategies are ranked by the searching witness.
    """
    rows, start = [], 0
    for pool in pools:
        mine = np.arange(start, start + pool.count)
        start += pool.count
        batch = first.batch(mine, min(count, pool.count), first.ranking if pool.winged else first.scores)
        rows.append(_row(pool.name, pool.run.name, mine, batch, first, second))
    rows.append(_row("chosen batch", None, np.arange(start), chosen, first, second))
    for name, own, judged in others:
        whole = np.arange(len(own.features))
        rows.append(_row(name, None, whole, whole, own, judged))
    real = first.appraiser.real_means()
    real["second"] = second.appraiser.real_means()["witness"] if second else None
    body = first.appraiser.task.body
    rows.append({"name": f"real images: {body}", "run": None, "candidates": 0, "all": real, "batch": None})
    return rows


def _row(
    name: str, run: str | None, everything: np.ndarray, batch: np.ndarray, first: Appraisal, second: Appraisal | None
) -> dict:
    def means(indices: np.ndarray, diverse: bool) -> Means:
        winged = None if first.winged is None else {"recognisability": float(first.winged[indices].mean())}
        return {
            "witness": first.means(indices, diverse),
            "second": second.means(indices, diverse) if second else None,
            "winged": winged,
            **({"pixels": {"diversity": first.diversities(indices)["pixels"]}} if diverse else {}),
        }

    return {
        "name": name,
        "run": run,
        "candidates": len(everything),
        # The diversity of hundreds says nothing beside that of 64: nearest neighbours come closer with their number.
        "all": means(everything, False),
        "batch": means(batch, True),
    }


def comparison_lines(rows: list[dict]) -> list[str]:
    """Return the lines of the comparison for a terminal: the batch of each pool, by both witnesses."""
    heads = ["recognis.", "realism", "unique", "overall", "diverse"]
    lines = [
        f"{'':44}{'searching witness':^50}{'second witness':^50}{'winged judge':>14}{'pixels':>10}",
        f"{'strategy and run':44}" + 2 * "".join(f"{head:>10}" for head in heads) + f"{'recognis.':>14}{'diverse':>10}",
    ]
    for row in rows:
        means = row["batch"] or row["all"]
        name = row["name"] + (f", {row['run']}" if row["run"] else "")
        cells = [_cell((means[role] or {}).get(score)) for role in ("witness", "second") for score in SCORES]
        winged = _cell((means.get("winged") or {}).get("recognisability"))
        pixels = _cell((means.get("pixels") or {}).get("diversity"))
        lines.append(f"{name[:43]:44}" + "".join(f"{cell:>10}" for cell in cells) + f"{winged:>14}{pixels:>10}")
    lines.append("of each strategy: the batch that its ranking takes from its candidates")
    return lines


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
