"""The weights' whole way: download with interruptions, archive, graph file, network; and every wrong file on it."""

import gzip
import hashlib
import http.server
import io
import re
import socket
import tarfile
import threading
import time

import numpy
import pytest
from conftest import REFERENCE
from graph_writer import GRAPH_NAME, archive, graph

from benchmarks.synthetic_inception import synthetic_tensors
from coursework.extractors.inception import download as inception_download
from coursework.extractors.inception import weights as inception_weights
from coursework.extractors.inception.download import download
from coursework.extractors.inception.weights import ARCHIVE, cached_graph, fetch_graph, load_pretrained, read_graph
from coursework.util.errors import UserError

SMALL = graph({"conv/conv2d_params": numpy.zeros((3, 3, 3, 32), "float32")})
CONTENT = numpy.random.default_rng(0).bytes(1_000_000)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSEWORK_INCEPTION", raising=False)
    monkeypatch.setattr(inception_download, "PAUSE", 0)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def whole_graph():
    return graph(synthetic_tensors())


class Server:
    """A local server of one file. log: (status, bytes sent) of each request."""

    def __init__(self, content):
        self.content = content
        self.tag = '"first"'
        self.ranges = True
        # Bytes after which connections are cut, one for each connection to come.
        self.cuts = []
        self.log = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/{ARCHIVE}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler):
        if self.content is None:
            self.log.append((404, 0))
            handler.send_error(404)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = 0
        if wanted and self.ranges and handler.headers.get("If-Range") == self.tag:
            start = int(wanted[1])
        if start >= len(self.content):
            self.log.append((416, 0))
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(self.content)}")
            handler.end_headers()
            return
        body = self.content[start:]
        sent = body[: self.cuts.pop(0)] if self.cuts else body
        # Before the client has read the headers, by which it may leave, and the test look at the log.
        self.log.append((206 if start else 200, len(sent)))
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        else:
            handler.send_header("ETag", self.tag)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(sent)


@pytest.fixture
def server():
    server = Server(CONTENT)
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_an_interrupted_download_goes_on_where_it_stopped(server, tmp_path):
    server.cuts = [300_000, 200_000]
    part = tmp_path / "folder" / "file.part"
    download(server.url, part, 10**7)
    assert part.read_bytes() == CONTENT
    assert server.log == [(200, 300_000), (206, 200_000), (206, 500_000)]


def test_another_process_goes_on_too(server, tmp_path):
    server.cuts = [400_000, 0, 0, 0]
    part = tmp_path / "file.part"
    with pytest.raises(UserError, match="the connection was closed early$"):
        download(server.url, part, 10**7)
    assert part.stat().st_size == 400_000
    server.log.clear()
    download(server.url, part, 10**7)
    assert part.read_bytes() == CONTENT and server.log == [(206, 600_000)]
    # A complete part is found to be complete.
    server.log.clear()
    download(server.url, part, 10**7)
    assert part.read_bytes() == CONTENT and server.log == [(416, 0)]


def test_a_rest_that_does_not_fit_is_not_added(server, tmp_path):
    part = tmp_path / "file.part"
    for change in ({"tag": '"second"', "content": CONTENT[::-1]}, {"ranges": False, "content": CONTENT}):
        server.cuts = [400_000, 0, 0, 0]
        with pytest.raises(UserError):
            download(server.url, part, 10**7)
        for name, value in change.items():
            setattr(server, name, value)
        server.log.clear()
        download(server.url, part, 10**7)
        assert part.read_bytes() == server.content and server.log == [(200, 1_000_000)]
        inception_download.discard(part)
        assert list(tmp_path.glob("file*")) == []


def test_a_longer_part_than_the_file_starts_again(server, tmp_path):
    part = tmp_path / "file.part"
    download(server.url, part, 10**7)
    part.write_bytes(CONTENT + b"more")
    download(server.url, part, 10**7)
    assert part.read_bytes() == CONTENT


def test_what_cannot_be_downloaded(server, tmp_path):
    part = tmp_path / "file.part"
    with pytest.raises(UserError, match="larger than 0 MB, so it is another file"):
        download(server.url, part, 500_000)
    assert server.log[-1][0] == 200 and not part.exists()
    server.content = None
    with pytest.raises(UserError, match=f"cannot download {server.url}: the server answered 404 Not Found"):
        download(server.url, part, 10**7)
    with pytest.raises(UserError, match="cannot download no address: unknown url type"):
        download("no address", part, 10**7)
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        download(server.url, tmp_path / "taken" / "file.part", 10**7)


def test_without_a_network_one_line_comes_soon(tmp_path, monkeypatch):
    begun = time.perf_counter()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(UserError, match="cannot download .*: Connection refused") as caught:
            download(f"http://127.0.0.1:{closed.getsockname()[1]}/file", tmp_path / "part", 10**7)
    assert "\n" not in str(caught.value)
    # A server that takes the connection and never answers.
    monkeypatch.setattr(inception_download, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(UserError, match="timed out"):
        download(f"http://127.0.0.1:{silent.getsockname()[1]}/file", tmp_path / "part", 10**7)
    assert time.perf_counter() - begun < 5


def test_a_download_is_checked_before_it_is_kept(server, monkeypatch):
    kept = cached_graph()
    server.content = archive(SMALL)
    with pytest.raises(UserError, match="is not the archive of 2015, and was removed: .* and 470 more are"):
        fetch_graph(kept, server.url)
    server.content = b"<html>sign in to this network</html>"
    with pytest.raises(UserError, match="is not the archive of 2015, and was removed"):
        fetch_graph(kept, server.url)
    assert list(kept.parent.iterdir()) == []
    monkeypatch.setattr(inception_weights, "check_tensors", lambda tensors: None)
    server.content = archive(SMALL)
    fetch_graph(kept, server.url)
    assert kept.read_bytes() == SMALL
    assert sorted(file.name for file in kept.parent.iterdir()) == [GRAPH_NAME, f"{GRAPH_NAME}.sha256"]
    assert inception_weights.find_graph() == (SMALL, kept)
    kept.write_bytes(SMALL[:-1] + b"x")
    with pytest.raises(UserError, match="was changed since it was downloaded: remove it"):
        inception_weights.find_graph()


def test_a_graph_is_found_in_what_people_have(tmp_path, monkeypatch):
    files = {GRAPH_NAME: SMALL, "a.tgz": archive(SMALL), "b.tar": archive(SMALL, kind=""), "c": archive(SMALL)}
    files["d.tgz"] = archive(SMALL, name=f"./deep/{GRAPH_NAME}")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert read_graph(tmp_path / name) == SMALL
    assert read_graph(tmp_path) == SMALL
    monkeypatch.setenv("COURSEWORK_INCEPTION", str(tmp_path / "a.tgz"))
    assert inception_weights.find_graph()[0] == SMALL


def test_archives_never_reach_outside(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "bad.tgz").write_bytes(archive(SMALL, name=f"../{GRAPH_NAME}"))
    assert read_graph(inside / "bad.tgz") == SMALL
    assert [file.name for file in tmp_path.rglob("*")] == ["inside", "bad.tgz"]
    # A link called like the graph is none.
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        link = tarfile.TarInfo(GRAPH_NAME)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    (inside / "link.tgz").write_bytes(stream.getvalue())
    with pytest.raises(UserError, match="holds no classify_image_graph_def.pb"):
        read_graph(inside / "link.tgz")


def test_wrong_and_damaged_files_are_told_in_one_line(tmp_path, monkeypatch):
    good = archive(SMALL)
    (tmp_path / "empty").mkdir()
    cases = {
        "none.tgz": (None, "no file"),
        "empty": (None, f"holds neither {GRAPH_NAME} nor {ARCHIVE}"),
        "cut.tgz": (good[: len(good) // 2], "is damaged or incomplete"),
        "end.tgz": (good[:-4], "is damaged or incomplete"),
        "sum.tgz": (good[:-6] + bytes(6), "is damaged or incomplete"),
        "text.tgz": (gzip.compress(b"no archive" * 1000), "is damaged or incomplete"),
        "other.tgz": (archive(SMALL, name="other.pb"), f"holds no {GRAPH_NAME}"),
        "cut.tar": (archive(SMALL, kind="")[:2500], "is damaged or incomplete"),
    }
    for name, (content, message) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=message) as caught:
            read_graph(tmp_path / name)
        assert "\n" not in str(caught.value) and name in str(caught.value)
    # Half a megabyte of zeros in a few hundred bytes, and a member that claims more than there may be.
    monkeypatch.setattr(inception_weights, "LARGEST_FILE", 100_000)
    for name, content in (("bomb", archive(bytes(500_000), name="a")), ("member", archive(bytes(200_000)))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match="unpacks to more than|is larger than any such graph"):
            read_graph(tmp_path / name)


def test_damaged_archives_raise_nothing_else(tmp_path):
    generator = numpy.random.default_rng(0)
    contents = {"gz": gzip.decompress(archive(SMALL)), "": archive(SMALL)}
    refused = 0
    for _ in range(100):
        for kind, content in contents.items():
            damaged = bytearray(content)
            for place in generator.integers(min(len(content), 2600), size=3):
                damaged[place] = generator.integers(256)
            (tmp_path / "file").write_bytes(gzip.compress(damaged, 1) if kind else damaged)
            try:
                read_graph(tmp_path / "file")
            except UserError:
                refused += 1
    assert refused > 50


def test_without_weights_one_line_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match=f"no weights of Inception: name {ARCHIVE} .* by COURSEWORK_INCEPTION"):
        load_pretrained()
    (tmp_path / "small.tgz").write_bytes(archive(SMALL))
    with pytest.raises(UserError, match="small.tgz: not the Inception graph of 2015: of its 472 tensors"):
        load_pretrained(tmp_path / "small.tgz")


@pytest.mark.backend
def test_from_an_archive_to_features(whole_graph, tmp_path):
    (tmp_path / ARCHIVE).write_bytes(archive(whole_graph, level=0))
    model, sha256 = load_pretrained(tmp_path / ARCHIVE)
    assert sha256 == hashlib.sha256(whole_graph).hexdigest()
    with numpy.load(REFERENCE / "inception_2015.npz") as arrays:
        outputs = model(arrays["images"][:2], training=False)
        for name in ("features", "logits", "logits_unbiased"):
            assert numpy.asarray(outputs[name]) == pytest.approx(arrays[name][:2], rel=0, abs=1e-5)


@pytest.mark.slow
def test_a_download_is_made_once(whole_graph, server, monkeypatch, capsys):
    server.content = archive(whole_graph, level=0)
    server.cuts = [50_000_000]
    monkeypatch.setattr(fetch_graph, "__defaults__", (server.url,))
    expected = hashlib.sha256(whole_graph).hexdigest()
    for precision in ("float32", "mixed_bfloat16"):
        model, sha256 = load_pretrained(precision=precision, download=True)
        assert sha256 == expected and model.get_layer("conv").compute_dtype == precision.removeprefix("mixed_")
    assert [status for status, _ in server.log] == [200, 206]
    assert load_pretrained()[1] == expected
