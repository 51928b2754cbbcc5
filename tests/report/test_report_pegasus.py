"""What the report shows of a learned class of winged horses: its distances, its memory, and what people said."""

import json

import pytest
from report_runs import full_run, pegasus_folder, staged, table

from coursework.pegasus.panel_answers import Answer, Key, table_panel, write_table


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a batch of three, the first with a collage, with a comparison."""
    folder = pegasus_folder(tmp_path / "pegasus")
    records = [
        {
            "run": "winged",
            "strategy": "winged_class",
            "rank": rank,
            "scores": {"recognisability": 0.5},
            "neighbours": [
                {"space": "pixels", "train_index": 3, "distance": 10.0 * rank},
                {"space": "features", "train_index": 4, "distance": 0.5},
            ],
            "collage": {"file": "train/pegasus/00004.png", "distance": 7.0 + rank},
        }
        for rank in (1, 2, 3)
    ]
    (folder / "pegasus.json").write_text(json.dumps(records))
    distance = {"name": "fd_judge", "value": 1.524, "floor": 0.75, "n": 512, "reference_n": 2000}
    comparison = {"diversity": {"features": 0.875, "pixels": 0.8125}, "class_distances": {"winged": distance}}
    (folder / "comparison.json").write_text(json.dumps(comparison))
    return folder


def test_memory_is_of_training_images_and_of_collages(tmp_path, folder):
    content, _ = staged([full_run(tmp_path)], tmp_path)
    assert table(content, "memory") == [
        ["Nearest of", "Least", "Median", "Largest"],
        ["training images", "10.0", "20.0", "30.0"],
        ["collages", "8.0", "9.0", "10.0"],
    ]
    assert table(content, "class-distance")[1] == ["winged", "1.52", "0.75", "512", "2,000"]
    assert "Its diversity is 0.88 (features) and 0.81 (pixels), 1 being that of real images." in json.dumps(content)


def test_a_batch_without_collages_has_neither_table(tmp_path):
    pegasus_folder(tmp_path / "pegasus", neighbours=[{"space": "pixels", "train_index": 1, "distance": 2.0}])
    content, _ = staged([full_run(tmp_path)], tmp_path)
    text = json.dumps(content)
    assert all(f'"{target}"' not in text for target in ("memory", "class-distance", "panel"))
    assert "Its diversity" not in text


def test_the_panel_s_table_is_what_people_said(tmp_path, folder):
    key = Key("ab", (("1", "batch", "rank 1"), ("2", "batch", "rank 2"), ("3", "real horse", "test image 4")))
    answers = [
        *(Answer("Ada", mark, "a horse", winged, 6) for mark, winged in (("1", 8), ("2", 4), ("3", 0))),
        *(Answer("Bob", mark, "", winged, 8) for mark, winged in (("1", 6), ("2", 2), ("3", 0))),
    ]
    write_table(folder / "panel.json", table_panel(key, answers))
    content, _ = staged([full_run(tmp_path)], tmp_path)
    header, batch, real = table(content, "panel")
    assert header == ["Source", "Images", "Winged horse", "Best", "5 or more, %", "Looks real", "Best", "5 or more, %"]
    assert batch[:2] == ["batch", "2"] and batch[2].startswith("5.0 ± ") and batch[3:5] == ["7.0", "50.0"]
    assert batch[5].startswith("7.0 ± ") and batch[6:] == ["7.0", "100.0"]
    assert real[0] == "real horse" and real[2].startswith("0.0 ± ") and real[4] == "0.0"
    assert "rated blind by 2 people" in json.dumps(content, ensure_ascii=False)


@pytest.mark.parametrize("odd", ["{}", '{"sources": 3}', '{"sources": [{"winged": [1], "people": "x"}]}'])
def test_an_odd_panel_is_read_with_care(tmp_path, folder, odd):
    (folder / "panel.json").write_text(odd)
    content, _ = staged([full_run(tmp_path)], tmp_path)
    assert ('"panel"' in json.dumps(content)) == ("winged" in odd)
