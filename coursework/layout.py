"""Where the blocks of a network stand in its diagram (see `coursework.architecture.describe` for blocks)."""


def place(blocks):
    """Return a (rank, lane) for every block: how far down it stands, and how far to the right of the longest path.

    The rank is the longest way from an input. The longest path of all is lane 0; what runs beside it, such as the
    convolution of a shortcut, takes the first lane that is free at its rank.
    """
    ranks = []
    for block in blocks:
        ranks.append(1 + max((ranks[source] for source in block["inputs"]), default=-1))
    current = ranks.index(max(ranks))
    main = {current}
    while blocks[current]["inputs"]:
        current = max(blocks[current]["inputs"], key=lambda source: ranks[source])
        main.add(current)
    taken, lanes = set(), []
    for index, rank in enumerate(ranks):
        lane = 0 if index in main else 1
        while (rank, lane) in taken:
            lane += 1
        taken.add((rank, lane))
        lanes.append(lane)
    return list(zip(ranks, lanes, strict=True))


def skip_tracks(blocks, places):
    """Return {(source, target): track} for connections along lane 0 that jump over other blocks of it.

    Overlapping jumps get different tracks, counted from 0 outwards.
    """
    tracks = {}
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
