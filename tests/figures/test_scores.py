"""Score tables: what may share a column, which value is best, what is said where nothing was measured."""

import math

import pytest

from coursework.figures.scores import format_score, newest_score, score, score_tables


def record(name="fd_judge", value=12.345, **changes):
    return {
        "name": name,
        "value": value,
        "error": 0.4,
        "n": 10000,
        "reference": "cifar10:train",
        "reference_n": 50000,
        "resize": None,
        "seed": 2020,
        "extractor": "judge",
        "extractor_sha256": "ab" * 32,
        "floor": 1.2,
        "untrained": 340.0,
    } | changes


def texts(table, part="text"):
    return [[cell[part] for cell in row["cells"]] for row in table["rows"]]


def test_cells_carry_value_error_untrained_and_floor():
    (table,) = score_tables([("CIFAR-10", "gan", [record()])])
    assert table["dataset"] == "CIFAR-10" and not table["continued"]
    assert table["columns"] == [
        {"title": "FD-judge ↓", "extractor": "judge abababab"},
        {"title": "FID ↓", "extractor": ""},
    ]
    assert table["rows"][0]["name"] == "gan"
    assert table["rows"][0]["cells"] == [
        {"text": "12.35", "error": "± 0.40", "untrained": "340.00", "best": False},
        {"text": "not measured", "error": "", "untrained": "", "best": False},
    ]
    assert table["floors"] == ["1.20", "not measured"]
    assert table["notes"] == [["FD-judge", "judge " + "ab" * 8, "10,000", "cifar10:train (50,000)", "none", "2020"]]


@pytest.mark.parametrize(
    "change",
    [
        {"extractor_sha256": "cd" * 32},
        {"n": 5000},
        {"reference": "cifar10:test"},
        {"resize": "bicubic"},
        {"reference_n": 9},
    ],
)
def test_scores_measured_differently_never_share_a_column(change):
    (table,) = score_tables([("A", "one", [record(value=1.0)]), ("A", "two", [record(value=2.0, **change)])])
    judged = [index for index, column in enumerate(table["columns"]) if column["title"] == "FD-judge ↓"]
    assert len(judged) == 2
    assert sorted(texts(table)[0][index] for index in judged) == ["1.00", "not measured"]
    assert [texts(table)[0][index] == "1.00" for index in judged] != [
        texts(table)[1][index] == "2.00" for index in judged
    ]
    assert not any(best for row in texts(table, "best") for best in row)


def test_scores_that_differ_in_seed_alone_share_a_column():
    (table,) = score_tables([("A", "one", [record(value=1.0)]), ("A", "two", [record(value=2.0, seed=7)])])
    assert [row[0] for row in texts(table)] == ["1.00", "2.00"]
    assert table["notes"][0][-1] == "2020, 7"


@pytest.mark.parametrize(
    ("name", "best"), [("fid", [True, False, False]), ("is", [False, True, False]), ("unknown", [False] * 3)]
)
def test_best_follows_the_direction_of_the_score(name, best):
    values = [3.0, 9.0, math.nan]
    (table,) = score_tables([("A", str(value), [record(name, value)]) for value in values])
    column = [column["title"].split(" ↓")[0].split(" ↑")[0] for column in table["columns"]].index(score(name).title)
    assert [row[column] for row in texts(table, "best")] == best
    assert texts(table)[2][column] == "not finite"


def test_data_sets_and_surplus_columns_have_tables_of_their_own():
    names = ["fid", "kid", "is", "precision", "recall", "density", "coverage"]
    tables = score_tables([("A", "gan", [record(name) for name in names]), ("B", "gan", [])], columns_per_table=6)
    assert [(table["dataset"], table["continued"], len(table["columns"])) for table in tables] == [
        ("A", False, 6),
        ("A", True, 2),
        ("B", False, 2),
    ]
    assert tables[0]["columns"][0]["title"] == "FD-judge ↓"
    assert texts(tables[2]) == [["not measured", "not measured"]] and tables[2]["notes"] == []


def test_best_weights_have_a_row_of_their_own():
    (table,) = score_tables([("A", "gan", [record(value=5.0), record(value=4.0, weights="best")])])
    assert [row["name"] for row in table["rows"]] == ["gan", "gan (best weights)"]
    assert [row[0] for row in texts(table)] == ["5.00", "4.00"]
    assert [row[0] for row in texts(table, "best")] == [False, True]


def test_of_several_measurements_the_newest_counts():
    """Of the first extractor that the score has, unless another is named; never of the best weights."""
    first, again = record("precision", n=500, extractor="inception"), record("precision", n=9, extractor="inception")
    judged, best = record("precision"), record("precision", weights="best", extractor="inception")
    records = [record(), first, judged, again, best]
    assert newest_score(records, "precision") is again
    assert newest_score(records, "precision", "judge") is judged
    assert newest_score(records, "fd_judge") is records[0]
    assert newest_score(records, "recall") is newest_score(records, "fd_judge", "inception") is None
    assert newest_score([best], "precision") is None


def test_numbers_in_words():
    assert format_score("kid", 0.01234) == "0.0123"
    assert format_score("fd_judge", 1234.5) == "1,234.50"
    assert format_score("fid", None) == "not measured"
    assert format_score("fid", math.inf) == "not finite"
    assert format_score("wing_span", 0.5) == "0.5000" and score("wing_span").title == "Wing span"
