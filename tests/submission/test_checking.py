"""A stranger's zip: unpacked as data within limits, checked without running anything of it."""

import json
import os
import stat
import zipfile

import pytest

from coursework.cli import main as cli
from coursework.submission import unpacking
from coursework.submission.archive import write_zip
from coursework.submission.checking import check_zip
from coursework.submission.unpacking import unpack
from coursework.util.errors import UserError, UserErrors


def entry(name, mode=stat.S_IFREG | 0o644):
    """Return a member of a zip as Unix makes it."""
    member = zipfile.ZipInfo(name)
    member.create_system, member.external_attr = 3, mode << 16
    return member


def zip_of(file, *members):
    """Write (member or name, content) to a zip and return its path."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return file


def test_files_are_unpacked(tmp_path):
    archive = zip_of(tmp_path / "a.zip", ("b/c.txt", "two"), ("b/", ""), (entry("a.txt"), "one"))
    assert unpack(archive, tmp_path / "new") == ["a.txt", "b/c.txt"]
    assert (tmp_path / "new/b/c.txt").read_text() == "two"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("../evil", "x")], "'../evil' in it is no name of a file in a folder"),
        ([("a/../../evil", "x")], "is no name of a file in a folder"),
        ([("/evil", "x")], "is no name of a file in a folder"),
        ([("C:evil", "x")], "is no name of a file in a folder"),
        ([("a\\..\\evil", "x")], "is no name of a file in a folder"),
        ([("a//evil", "x")], "is no name of a file in a folder"),
        ([(300 * "x", "x")], "is no name of a file in a folder"),
        ([(entry("link", stat.S_IFLNK | 0o777), "/etc/passwd")], "'link' in it is no regular file"),
        ([(entry("pipe", stat.S_IFIFO | 0o666), "")], "'pipe' in it is no regular file"),
        ([("a", "x"), ("A", "y")], "'A' is in it twice"),
        ([("a", "x"), ("a/b", "y")], "exists|directory"),
        ([("large", bytes(2 * 10**6))], "unpacks to more than"),
        ([(str(index), "") for index in range(101)], "more than 100 files"),
    ],
)
def test_what_no_submission_holds_is_refused(tmp_path, monkeypatch, members, message):
    monkeypatch.setattr(unpacking, "LARGEST", 10**6)
    monkeypatch.setattr(unpacking, "MOST_MEMBERS", 100)
    archive, folder = zip_of(tmp_path / "x.zip", *members), tmp_path / "deep" / "folder"
    with pytest.raises(UserError, match=message) as caught:
        unpack(archive, folder)
    assert str(caught.value).startswith(f"cannot unpack {archive}: ") and "\n" not in str(caught.value)
    assert [file for file in tmp_path.rglob("*") if file.name in ("evil", "link", "pipe", "large")] == []


def test_a_member_that_unpacks_to_more_than_it_announces_writes_no_more(tmp_path):
    archive = zip_of(tmp_path / "x.zip", ("bomb", bytes(10**6)))
    content = archive.read_bytes()
    archive.write_bytes(content.replace((10**6).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(UserError, match="^cannot unpack .*CRC-32"):
        unpack(archive, tmp_path / "new")
    assert (tmp_path / "new/bomb").stat().st_size <= 1000


def test_what_is_no_zip_is_told_in_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("no zip")
    for name, message in (("pipe", "not a regular file"), ("text", "not a zip"), ("none", "No such file")):
        with pytest.raises(UserError, match=message):
            unpack(tmp_path / name, tmp_path / "new")


NEVER = "raise SystemExit(open('ran', 'w').write('x'))"


def test_a_zip_is_checked_without_running_it(tmp_path, monkeypatch):
    """What is there is compared with its manifest, and what it lacks is told in one go."""
    monkeypatch.chdir(tmp_path)
    files = {"pegasus.py": NEVER.encode(), "coursework/__init__.py": NEVER.encode(), "report.pdf": b"%PDF"}
    write_zip(tmp_path / "a.zip", files)
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("extra.py", "x")
    lines = []
    with pytest.raises(UserErrors) as caught:
        check_zip(tmp_path / "a.zip", run=True, report=lines.append)
    told = [line.removeprefix(f"{tmp_path / 'a.zip'}: ") for line in caught.value.lines]
    missing = ["batch.png", "latents.npz", "pegasus.json", "pegasus.png"]
    assert told[:5] == [f"{name} is missing" for name in missing] + ["extra.py is not in manifest.json"]
    assert len(told) == 6 and "cannot read the image pegasus.png" in told[5]
    assert lines == [] and not (tmp_path / "ran").exists()


def test_a_manifest_of_other_content_is_told(tmp_path, refused):
    files = {"report.pdf": b"%PDF", "manifest.json": b""}
    write_zip(tmp_path / "a.zip", files)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        listed = {"files": {"report.pdf": {"sha256": "0" * 64}}}
        archive.writestr("manifest.json", json.dumps(listed))
        archive.writestr("report.pdf", "%PDF")
    assert cli.main(["submission", "--check", str(tmp_path / "b.zip")]) == 2
    with pytest.raises(UserErrors) as caught:
        check_zip(tmp_path / "b.zip")
    assert any("report.pdf is not what manifest.json lists" in line for line in caught.value.lines)
    assert refused("submission", "--check", str(tmp_path / "none.zip")).endswith("No such file or directory")
    assert refused("submission", "--run") == "--run goes with --check"
