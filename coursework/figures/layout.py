"""Where the blocks of a network stand in its diagram (see `coursework.figures.architecture.describe` for blocks)."""

from typing import Any


def place(blocks: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Return a (rank, lane) for every block: how far down it stands, and how far to the right of the longest path.

    The rank is the longest way from an input. The longest path of all is lane 0; what runs in parallel, such as the
    convolution of a shortcut, takes the first lane that is free at its rank. What comes from another input alone
    stands as far down as its readers let it, in a lane to the right of all that.
    """
    ranks: list[int] = []
    for block in blocks:
        ranks.append(1 + max((ranks[source] for source in block["inputs"]), default=-1))
    current = ranks.index(max(ranks))
    main = {current}
    while blocks[current]["inputs"]:
        current = max(blocks[current]["inputs"], key=lambda source: ranks[source])
        main.add(current)
    parallel = _fed_from_elsewhere(blocks, main)
    for index in reversed(parallel):
        readers = [ranks[reader] for reader, block in enumerate(blocks) if index in block["inputs"]]
        ranks[index] = min(readers) - 1 if readers else 0
    rows_taken = {ranks[index] for index in parallel}
    places: dict[int, tuple[int, int]] = {}
    for index in [*(index for index in range(len(blocks)) if index not in parallel), *parallel]:
        rank, taken = ranks[index], set(places.values())
        lane = 0 if index in main else 1
        if index in parallel:
            sources = [places[source][1] for source in blocks[index]["inputs"]]
            lane = min(sources) if sources else 1 + max(lane for row, lane in taken if row in rows_taken)
        while (rank, lane) in taken:
            lane += 1
        places[index] = rank, lane
    return [places[index] for index in range(len(blocks))]


def _fed_from_elsewhere(blocks: list[dict[str, Any]], main: set[int]) -> list[int]:
    """Return the indices of the blocks that nothing of the main path leads to."""
    fed = set(main)
    for index, block in enumerate(blocks):
        if fed & set(block["inputs"]):
            fed.add(index)
    return [index for index in range(len(blocks)) if index not in fed]


def skip_tracks(blocks: list[dict[str, Any]], places: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Return {(source, target): track} for connections along lane 0 that jump over other blocks of it.

    Overlapping jumps get different tracks, counted from 0 outwards.
    """
    tracks: dict[tuple[int, int], int] = {}
    for target, block in enumerate(blocks):
        for source in block["inputs"]:
            (start, source_lane), (end, lane) = places[source], places[target]
            if source_lane or lane or end - start < 2:
                continue
            overlapping = {
                track
                for (other, other_target), track in tracks.items()
                if places[other][0] < end and start < places[other_target][0]
            }
            tracks[source, target] = min(set(range(len(tracks) + 1)) - overlapping)
    return tracks
