"""The weights of Inception: download, archive, graph file and network; and every kind of wrong file."""

import gzip
import hashlib
import http.server
import io
import socket
import tarfile
import threading
import time
import urllib.request

import numpy
import pytest
from conftest import REFERENCE
from graph_writer import GRAPH_NAME, archive, graph

from benchmarks.synthetic_inception import synthetic_tensors
from coursework.extractors.inception import weights as inception_weights
from coursework.extractors.inception.weights import ARCHIVE, cached_graph, fetch_graph, load_pretrained, read_graph
from coursework.util.errors import UserError

SMALL = graph({"conv/conv2d_params": numpy.zeros((3, 3, 3, 32), "float32")})


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSEWORK_INCEPTION", raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def whole_graph():
    return graph(synthetic_tensors())


class Server:
    """A local server of one file. cut: bytes after which it ends; to: where it leads; log: status of each request."""

    def __init__(self, content):
        self.content = content
        self.cut = None
        self.status = 200
        self.to = None
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
        self.log.append(404 if self.content is None else 200)
        if self.content is None:
            handler.send_error(404)
            return
        if self.to:
            handler.send_response(302)
            handler.send_header("Location", self.to)
            handler.end_headers()
            return
        handler.send_response(self.status)
        handler.send_header("Content-Length", str(len(self.content)))
        handler.end_headers()
        handler.wfile.write(self.content[: self.cut])


@pytest.fixture
def server():
    server = Server(archive(SMALL))
    yield server
    server.server.shutdown()
    server.server.server_close()


def refused_download(url):
    """Return the one line by which a download fails; nothing of it is kept."""
    with pytest.raises(UserError) as caught:
        fetch_graph(cached_graph(), url)
    assert "\n" not in str(caught.value) and list(cached_graph().parent.iterdir()) == []
    return str(caught.value).removeprefix(f"cannot download {url}: ")


def test_what_cannot_be_downloaded(server, tmp_path, monkeypatch, capsys):
    server.cut = 100
    assert refused_download(server.url) == f"got only 100 of {len(server.content):,} bytes"
    server.cut, server.status = None, 206
    assert refused_download(server.url) == "the server answers 206 (Partial Content)"
    server.status = 200
    with monkeypatch.context() as patch:
        patch.setattr(inception_weights, "LARGEST_FILE", 100)
        assert refused_download(server.url).startswith("it is larger than")
    server.content = None
    assert refused_download(server.url) == "HTTP Error 404: Not Found"
    assert "unknown url type" in refused_download("no address")
    assert capsys.readouterr().out == ""
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        fetch_graph(tmp_path / "taken" / "folder" / "graph.pb", server.url)


def test_a_redirect_is_followed_but_not_away_from_https(server, monkeypatch):
    monkeypatch.setattr(inception_weights, "check_tensors", lambda tensors: None)
    monkeypatch.setattr(inception_weights, "tensor_shapes", dict)
    other = Server(archive(SMALL))
    server.to = other.url
    fetch_graph(cached_graph(), server.url)
    assert cached_graph().read_bytes() == SMALL and other.log == [200]
    other.server.shutdown()
    other.server.server_close()
    request, handler = urllib.request.Request("https://a.org/file"), inception_weights._Secure()
    for url in ("http://a.org/file", "ftp://a.org/file"):
        with pytest.raises(UserError, match=f"^it leads to {url}, away from HTTPS$"):
            handler.redirect_request(request, None, 302, "Found", {}, url)
    assert handler.redirect_request(request, None, 302, "Found", {}, "https://b.org/x").full_url == "https://b.org/x"


def test_without_a_network_one_line_comes_soon(monkeypatch):
    begun = time.perf_counter()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert "Connection refused" in refused_download(f"http://127.0.0.1:{closed.getsockname()[1]}/file")
    # A server that takes the connection and never answers.
    monkeypatch.setattr(inception_weights, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "timed out" in refused_download(f"http://127.0.0.1:{silent.getsockname()[1]}/file")
    assert time.perf_counter() - begun < 5 and socket.getdefaulttimeout() is None


def test_the_rest_of_a_killed_download_is_no_archive(server, monkeypatch):
    monkeypatch.setattr(inception_weights, "check_tensors", lambda tensors: None)
    monkeypatch.setattr(inception_weights, "tensor_shapes", dict)
    cached_graph().parent.mkdir(parents=True)
    cached_graph().with_name(f"{ARCHIVE}.part").write_bytes(server.content[:100])
    fetch_graph(cached_graph(), server.url)
    assert cached_graph().read_bytes() == SMALL and server.log == [200]


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
    monkeypatch.setattr(inception_weights, "tensor_shapes", dict)
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


def test_without_tensorflow_as_the_backend_a_graph_is_parsed_once(whole_graph, tmp_path, monkeypatch):
    (tmp_path / GRAPH_NAME).write_bytes(whole_graph)
    expected, sha256 = inception_weights.find_tensors(tmp_path)
    assert not list((tmp_path / "cache").rglob("*.npz"))
    monkeypatch.setattr(inception_weights.keras.backend, "backend", lambda: "torch")
    assert inception_weights.find_tensors(tmp_path)[1] == sha256
    monkeypatch.setattr(inception_weights, "constants", lambda *arguments: pytest.fail("these arrays are kept"))
    found, _ = inception_weights.find_tensors(tmp_path)
    assert found.keys() == expected.keys() and len(found) == 472
    assert all(numpy.array_equal(found[name], expected[name]) for name in found)


@pytest.mark.slow
def test_a_download_is_made_once(whole_graph, server, monkeypatch, capsys):
    server.content = archive(whole_graph, level=0)
    monkeypatch.setattr(fetch_graph, "__defaults__", (server.url,))
    expected = hashlib.sha256(whole_graph).hexdigest()
    for precision in ("float32", "mixed_bfloat16"):
        model, sha256 = load_pretrained(precision=precision, download=True)
        assert sha256 == expected and model.get_layer("conv").compute_dtype == precision.removeprefix("mixed_")
    assert server.log == [200]
    assert load_pretrained()[1] == expected
