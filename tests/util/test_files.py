"""Files are written whole or not at all, and a place that cannot be written gives one clear line."""

import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest

from coursework.util.errors import CannotWrite, UserError
from coursework.util.files import (
    expanded,
    open_regular,
    read_json,
    read_text,
    remove_leftovers,
    replacing,
    require_plain,
    sha256,
    write_bytes,
    write_text,
)


def test_the_content_arrives_and_nothing_else(tmp_path):
    file = tmp_path / "new" / "folder" / "text.txt"
    write_text(file, "naïve\n")
    assert file.read_bytes() == "naïve\n".encode()
    write_bytes(file, b"\x00\xff")
    assert file.read_bytes() == b"\x00\xff"
    assert list(file.parent.iterdir()) == [file]


def test_the_temporary_file_stands_beside_with_the_same_suffix(tmp_path):
    file = tmp_path / "network.keras"
    with replacing(file) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".keras" and temporary != file
        temporary.write_text("x")
        assert not file.exists()
    assert file.read_text() == "x"


def test_a_failure_leaves_the_old_content(tmp_path):
    file = tmp_path / "text.txt"
    write_text(file, "old")
    with pytest.raises(RuntimeError, match="^in between$"), replacing(file) as temporary:
        temporary.write_text("new")
        raise RuntimeError("in between")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_is_the_users_to_mend(tmp_path):
    file = tmp_path / "text.txt"
    with (
        pytest.raises(
            CannotWrite,
            match=r"^cannot write .*text\.txt: No space left on device; make room on the disk and try again$",
        ),
        replacing(file),
    ):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_no_litter(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.npz"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file/text.txt", "file/folder/text.txt", "folder"])
def test_unwritable_places_are_named(tmp_path, place):
    (tmp_path / "file").write_text("a file where a folder is needed")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError) as caught:
        write_text(tmp_path / place, "x")
    assert str(caught.value).startswith(f"cannot write {tmp_path / place}: ")
    assert (tmp_path / "file").read_text() == "a file where a folder is needed"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_files_are_as_readable_as_others(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "text.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "text.txt").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    for name in ("there", "new"):
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
        write_text(tmp_path / name, "first")
        write_text(tmp_path / name, "second")
        assert (tmp_path / name).is_symlink() and (tmp_path / "disk" / name).read_text() == "second"
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == ["disk", "new", "new", "there", "there"]


def test_a_device_and_a_pipe_receive_the_content(tmp_path):
    before = os.stat(os.devnull)
    write_text(os.devnull, "nothing")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode) and os.stat(os.devnull).st_ino == before.st_ino
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "through")
    reader.join(timeout=10)
    assert received == ["through"] and pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_a_byte_order_mark_is_no_text(tmp_path):
    file = tmp_path / "settings.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": "\xc3\xa9"}')
    assert read_text(file) == '{"a": "é"}'
    assert read_json(file, dict) == {"a": "é"}


def test_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    content = os.urandom(300_000)
    (tmp_path / "large").write_bytes(content)
    assert sha256(tmp_path / "large") == hashlib.sha256(content).hexdigest()


def test_the_home_of_nobody_is_told_in_one_line(refused):
    assert expanded("~/x") == Path.home() / "x"
    line = "~nobodyhere/x: there is no such home folder"
    assert refused("metrics", "~nobodyhere/x", "cifar10:test") == line
    assert refused("train", "gan", "--dataset", "~nobodyhere/x") == line


# Files of other people.


def test_a_pipe_a_device_and_a_folder_are_no_regular_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull), tmp_path):
        for read in (open_regular, sha256, read_text):
            with pytest.raises((UserError, IsADirectoryError), match="not a regular file|Is a directory"):
                read(path)


def test_a_link_is_followed_where_it_may_be_and_nothing_is_truncated(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"content"
    with pytest.raises(UserError, match=r"link is a link, not a regular file$"):
        open_regular(tmp_path / "link", follow_links=False)
    with open_regular(tmp_path / "file", writable=True) as file:
        file.write(b"CON")
    assert (tmp_path / "file").read_bytes() == b"CONtent"
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "new", writable=True)


@pytest.mark.parametrize("place", ["lock", "best", "backup/deep/state.npz"])
def test_a_folder_that_holds_a_link_or_a_pipe_is_refused(tmp_path, place):
    folder = tmp_path / "run"
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    require_plain(folder)
    require_plain(tmp_path / "nothing")
    (folder / place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=f"{place} is a link: .*run may hold files and folders alone; remove it$"):
        require_plain(folder)
    (folder / place).unlink()
    os.mkfifo(folder / place)
    with pytest.raises(UserError, match=f"{place} is no regular file: "):
        require_plain(folder)
    (folder / place).unlink()
    # A run on another disk.
    (tmp_path / "linked").symlink_to(folder)
    require_plain(tmp_path / "linked")


def test_leftovers_of_killed_processes_alone_are_removed(tmp_path):
    with replacing(tmp_path / "metrics.json") as temporary:
        start, own, rest = temporary.name.rsplit("-", 2)
    assert own == str(os.getpid())
    running = tmp_path / f"{start}-{os.getppid()}-{rest}"
    elsewhere = tmp_path / f".coursework-00000000-1-{rest}"
    old = tmp_path / f".coursework-00000000-2-{rest}"
    # Of a number that no process has; of an earlier process with this one's number; of an earlier version.
    left = [
        tmp_path / f"{start}-999999999-{rest}",
        tmp_path / f"{start}-{own}-{rest}",
        tmp_path / ".coursework-abc.npz",
    ]
    for file in (running, elsewhere, old, *left):
        file.write_bytes(b"half")
    os.utime(old, (1, 1))
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.rglob(".coursework-*")) == sorted([running, elsewhere])
