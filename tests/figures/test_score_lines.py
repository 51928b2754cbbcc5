"""Scores as text: one in a line, many in a table."""

from coursework.figures.score_lines import describe_score, score_lines

RECORD = {
    "name": "fd_judge",
    "value": 12.3456,
    "error": 0.789,
    "n": 1000,
    "reference": "tiny:train",
    "reference_n": 64,
    "seed": 7,
    "floor": 1.234,
    "floor_n": 500,
    "floor_set": "tiny:test",
    "untrained": 99.0,
    "extractor": "judge",
    "extractor_sha256": "0123456789abcdef",
}


def test_a_score_is_described_in_one_line():
    assert describe_score(RECORD) == (
        "FD-judge 12.35 ± 0.79 (n 1000, against tiny:train n 64, seed 7; real images 1.23, untrained 99.00; "
        "judge 0123456789ab)"
    )


def test_what_was_not_measured_is_left_out_of_the_line():
    record = RECORD | {"floor": None, "untrained": None, "error": None, "seed": None, "value": None}
    assert describe_score(record) == "FD-judge not measured (n 1000, against tiny:train n 64; judge 0123456789ab)"
    record |= {"extractor": "pixels", "extractor_sha256": None}
    assert describe_score(record).endswith("n 64; pixels)")


def test_scores_stand_in_columns():
    records = [
        RECORD,
        RECORD | {"name": "precision", "value": 0.5, "error": None, "n": 64, "floor": None, "floor_set": None},
        RECORD
        | {"name": "memorisation", "value": 0.0, "error": 0.001, "extractor": "pixels", "extractor_sha256": None},
        RECORD
        | {"name": "kid", "value": -0.0001, "error": 0.0002, "floor": 0.0, "floor_n": 2000, "extractor": "inception"},
    ]
    assert score_lines(records) == [
        "score           value             real images      n  reference n  extractor",
        "FD-judge ↓      12.35 ± 0.79             1.23  1,000           64  judge 01234567",
        "Precision ↑     0.500                             64           64  judge 01234567",
        "Memorisation ↓  0.000 ± 0.001           1.234  1,000           64  pixels",
        "KID ↓           -0.0001 ± 0.0002       0.0000  1,000           64  inception 01234567",
        "real images: tiny:test, n 500: fewer than were scored, so that their distances hold more bias",
        "real images: tiny:test, n 2,000",
    ]
