"""Tables: a label that somebody has chosen is text in a spreadsheet, and numbers stay numbers."""

import csv

import pytest

from coursework.util.tables import write_csv


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://x", "y")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "- width", "-"]
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path, text):
    write_csv(tmp_path / "x.csv", [["label", text], [text, 1.5]])
    with open(tmp_path / "x.csv", newline="") as file:
        assert list(csv.reader(file)) == [["label", f"'{text}"], [f"'{text}", "1.5"]]


def test_numbers_and_other_text_stay(tmp_path):
    write_csv(tmp_path / "x.csv", [["a\r=1", "b\nc"]])
    assert (tmp_path / "x.csv").read_bytes() == b'a =1,"b\nc"\n'
    cells = ["-0.5", "+3", "-1e-05", "-inf", "-0.5 ± 0.1", "-3 %", "", "width 64", "a=b", "'x", -0.5, -3, None]
    write_csv(tmp_path / "x.csv", [cells])
    with open(tmp_path / "x.csv", newline="") as file:
        assert next(csv.reader(file)) == ["" if each is None else str(each) for each in cells]
