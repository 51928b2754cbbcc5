"""The published weights of the Inception network of 2015: finding, downloading and checking them."""

import gzip
import hashlib
import http.client
import itertools
import os
import sys
import tarfile
import urllib.request
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import keras
import numpy as np

from coursework.extractors.inception.architecture import tensor_shapes
from coursework.extractors.inception.graph_file import LARGEST_FILE, constants, read_limited
from coursework.extractors.inception.network import build, check_tensors, load_tensors
from coursework.util.cache import cache_folder, kept_arrays
from coursework.util.errors import CannotWrite, UserError
from coursework.util.files import expanded, write_bytes, write_text
from coursework.util.progress import Progress

URL = "https://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
ARCHIVE = "inception-2015-12-05.tgz"
GRAPH = "classify_image_graph_def.pb"
VARIABLE = "COURSEWORK_INCEPTION"
# Bytes of the archive, for a server that does not say.
SIZE = 89_000_000
# The archive holds four small files besides the graph.
LARGEST_MEMBERS = 1000
# Seconds without an answer after which a download fails.
TIMEOUT = 8
# Raise this number when the tensors of a graph file are read differently: kept ones are then ignored.
VERSION = 1


def load_pretrained(
    path: str | Path | None = None, precision: str = "float32", download: bool = False
) -> tuple[keras.Model, str]:
    """Return (the network of `build` with the published weights, hexadecimal SHA-256 of the graph file).

    path: classify_image_graph_def.pb, the archive inception-2015-12-05.tgz that holds it, or a folder with either; by
    default the value of the environment variable COURSEWORK_INCEPTION, else the copy in the cache. download: download
    the archive (89 MB) into the cache if there is neither. Raises `UserError` in one line for a missing, wrong or
    damaged file, and if the download fails.
    """
    tensors, sha256 = find_tensors(path, download)
    model = build(precision)
    load_tensors(model, tensors)
    return model, sha256


def find_tensors(path: str | Path | None = None, download: bool = False) -> tuple[dict[str, np.ndarray], str]:
    """Return ({name of a tensor: array}, SHA-256 of the graph file), checked, found as in `load_pretrained`.

    Under PyTorch the arrays are kept in the cache: reading the graph imports TensorFlow, which takes seconds.
    """
    content, source = find_graph(path, download)
    sha256 = hashlib.sha256(content).hexdigest()
    cached = keras.backend.backend() != "tensorflow"
    return kept_arrays("graphs", (VERSION, sha256), lambda: _tensors(content, source), cached), sha256


def _tensors(content: bytes, source: str | Path) -> dict[str, np.ndarray]:
    """Return {name: array} of the tensors of Inception in a graph file."""
    tensors = constants(content, source)
    try:
        check_tensors(tensors)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    return {name: tensors[name] for name in tensor_shapes()}


def find_graph(path: str | Path | None = None, download: bool = False) -> tuple[bytes, str | Path]:
    """Return (content of the graph file, its path for messages), found as in `load_pretrained`."""
    path = path or os.environ.get(VARIABLE)
    if path:
        return read_graph(path), path
    kept = cached_graph()
    if not kept.is_file():
        if not download:
            raise UserError(
                f"no weights of Inception: name {ARCHIVE} ({URL}) or the {GRAPH} in it by {VARIABLE}, "
                "or allow the download of 89 MB"
            )
        fetch_graph(kept)
    return _read_kept(kept), kept


def cached_graph() -> Path:
    """Return the path of the graph file in the cache; it need not exist."""
    return cache_folder() / "inception-2015-12-05" / GRAPH


def fetch_graph(kept: Path, url: str = URL) -> None:
    """Download the archive, check that it holds the right graph, and keep the graph as `kept` with its SHA-256."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"cannot write {kept.parent}: {error.strerror or error}") from error
    part = kept.with_name(f"{ARCHIVE}.part")
    try:
        _download(url, part)
        try:
            content = read_graph(part)
            _tensors(content, GRAPH)
        except UserError as error:
            raise UserError(f"what {url} sent is not the archive of 2015, and was removed: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    # The sum first, so that a downloaded graph always has one.
    write_text(_sum_file(kept), f"{hashlib.sha256(content).hexdigest()}  {kept.name}\n")
    write_bytes(kept, content)


class _Secure(urllib.request.HTTPRedirectHandler):
    """Follows a server to another address, but not from HTTPS to where anybody on the way may change the answer."""

    def redirect_request(
        self, request: urllib.request.Request, stream: IO[bytes], code: int, message: str, headers: Any, url: str
    ) -> urllib.request.Request | None:
        if request.type == "https" and not url.startswith("https:"):
            raise UserError(f"it leads to {url}, away from HTTPS")
        return super().redirect_request(request, stream, code, message, headers, url)


def _download(url: str, part: Path) -> None:
    """Download `url` to `part`, no more than the archive may have; raises `UserError` in one line if that fails.

    Keras's own function follows redirects to plain HTTP, and takes whatever length comes.
    """
    print(f"downloading {url} (89 MB)", file=sys.stderr)
    try:
        opener = urllib.request.build_opener(_Secure)
        with opener.open(url, timeout=TIMEOUT) as answer, open(part, "wb") as file:
            # What nobody asked for, such as a part of the file.
            if answer.status != 200:
                raise UserError(f"the server answers {answer.status} ({answer.reason})")
            total = int(answer.headers.get("Content-Length") or 0)
            with Progress("downloading", total or SIZE, "bytes") as progress:
                while content := answer.read(2**16):
                    file.write(content)
                    progress.update(file.tell())
                    if file.tell() > LARGEST_FILE:
                        raise UserError(f"it is larger than {LARGEST_FILE // 2**20} MB")
            if file.tell() < total:
                raise UserError(f"got only {file.tell():,} of {total:,} bytes")
    except (OSError, ValueError, http.client.HTTPException, UserError) as error:
        raise UserError(f"cannot download {url}: {' '.join(str(error).split())}") from error


def read_graph(path: str | Path) -> bytes:
    """Return the bytes of the graph file at `path`, in the archive at `path`, or in the folder of either.

    Nothing of an archive is written to disk: the member is found by its base name and read up to a limit.
    """
    file = expanded(path)
    if file.is_dir():
        inside = [file / name for name in (GRAPH, ARCHIVE) if (file / name).is_file()]
        if not inside:
            raise UserError(f"the folder {file} holds neither {GRAPH} nor {ARCHIVE}")
        file = inside[0]
    if not file.is_file():
        raise UserError(f"no file {file}: name {ARCHIVE} or the {GRAPH} in it (from {URL})")
    try:
        with open(file, "rb") as stream:
            start = stream.read(512)
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}") from error
    # By content, since browsers rename and unpack: the magic number of gzip or of a plain tar archive.
    if start[:2] == b"\x1f\x8b" or start[257:262] == b"ustar":
        return _read_archive(file)
    return read_limited(file)


def _read_archive(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            stream = _Bounded(gzip.GzipFile(fileobj=file) if compressed else file, path)
            with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|") as archive:
                content = _member(archive)
            # To the end, where gzip keeps the checksum of its content.
            while stream.read(2**20):
                pass
    except UserError:
        raise
    except Exception as error:  # Damaged archives raise a dozen kinds of errors.
        raise UserError(f"{path} is damaged or incomplete ({error}): remove it and get {URL} again") from error
    if content is None:
        raise UserError(f"{path} holds no {GRAPH}: it is not {ARCHIVE}")
    return content


def _member(archive: tarfile.TarFile) -> bytes | None:
    """Return the content of the graph in a tar archive, None if it is not among the first `LARGEST_MEMBERS`."""
    for member in itertools.islice(archive, LARGEST_MEMBERS):
        if member.isfile() and member.name.rpartition("/")[2] == GRAPH:
            if member.size > LARGEST_FILE:
                raise UserError(f"its {GRAPH} is larger than any such graph")
            content = archive.extractfile(member)
            return content.read() if content else None
    return None


class _Bounded:
    """A readable stream no longer than a graph file may be: a few kilobytes can unpack to terabytes."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile, path: Path) -> None:
        self.stream = stream
        self.path = path
        self.left = LARGEST_FILE

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; raises `UserError` above `LARGEST_FILE` in all."""
        content = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise UserError(f"{self.path} unpacks to more than {LARGEST_FILE // 2**20} MB: it is not {ARCHIVE}")
        return content


def _read_kept(kept: Path) -> bytes:
    content = read_limited(kept)
    try:
        expected = _sum_file(kept).read_text(encoding="ascii").split()[0]
    except (OSError, ValueError, IndexError):
        expected = None
    if expected and expected != hashlib.sha256(content).hexdigest():
        raise UserError(f"{kept} was changed since it was downloaded: remove it and let it be downloaded again")
    return content


def _sum_file(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.sha256")
