"""Networks with their records: a folder of them leads nowhere else."""

import pytest

from coursework.extractors import judge
from coursework.extractors.recorded import save
from coursework.util.errors import UserError


@pytest.mark.parametrize("name", ["judge.keras", "judge.json"])
def test_a_judge_is_neither_read_nor_written_through_a_link(tmp_path, name):
    (tmp_path / "diary.txt").write_text("dear diary")
    (tmp_path / "judges").mkdir()
    (tmp_path / "judges" / name).symlink_to(tmp_path / "diary.txt")
    for use in (judge.load, lambda folder: save(None, folder)):
        with pytest.raises(UserError, match=f"{name} is a link: .* remove it$"):
            use(tmp_path / "judges")
    assert (tmp_path / "diary.txt").read_text() == "dear diary"
