"""The published weights of the Inception network of 2015: where they are, whether they are right, how to get them."""

import gzip
import hashlib
import itertools
import os
import tarfile

from coursework.extractors.inception.download import discard, download
from coursework.extractors.inception.graph_file import LARGEST_FILE, constants, read_limited
from coursework.extractors.inception.network import build, check_tensors, load_tensors
from coursework.util.cache import cache_folder
from coursework.util.errors import UserError
from coursework.util.files import expanded, write_bytes, write_text

URL = "https://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
ARCHIVE = "inception-2015-12-05.tgz"
GRAPH = "classify_image_graph_def.pb"
VARIABLE = "COURSEWORK_INCEPTION"
# The archive has 89 MB and four small files beside the graph.
LARGEST_ARCHIVE = 256 * 2**20
LARGEST_MEMBERS = 1000


def load_pretrained(path=None, precision="float32", download=False):
    """Return (the network of `build` with the published weights, hexadecimal SHA-256 of the graph file).

    path: classify_image_graph_def.pb, the archive inception-2015-12-05.tgz that holds it, or a folder with either; by
    default what the environment variable COURSEWORK_INCEPTION names, else the copy in the cache. download: fetch the
    archive (89 MB) into the cache where there is neither. Raises `UserError` in one line for a missing, wrong or
    damaged file, and where the download fails.
    """
    tensors, sha256 = find_tensors(path, download)
    model = build(precision)
    load_tensors(model, tensors)
    return model, sha256


def find_tensors(path=None, download=False):
    """Return ({name of a tensor: array}, SHA-256 of the graph file), checked, found as `load_pretrained` says."""
    content, source = find_graph(path, download)
    tensors = constants(content, source)
    try:
        check_tensors(tensors)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    return tensors, hashlib.sha256(content).hexdigest()


def find_graph(path=None, download=False):
    """Return (content of the graph file, its path for messages), found as `load_pretrained` says."""
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


def cached_graph():
    """Return the path of the graph file in the cache; it need not exist."""
    return cache_folder() / "inception-2015-12-05" / GRAPH


def fetch_graph(kept, url=URL):
    """Download the archive, check that it holds the right graph, and keep that as `kept`, its SHA-256 beside it."""
    part = kept.with_name(f"{ARCHIVE}.part")
    download(url, part, LARGEST_ARCHIVE)
    try:
        content = read_graph(part)
        check_tensors(constants(content, GRAPH))
    except UserError as error:
        discard(part)
        raise UserError(f"what {url} sent is not the archive of 2015, and was removed: {error}") from error
    # The sum first, so that there is never a downloaded graph without one.
    write_text(_sum_file(kept), f"{hashlib.sha256(content).hexdigest()}  {kept.name}\n")
    write_bytes(kept, content)
    discard(part)


def read_graph(path):
    """Return the bytes of the graph file at `path`, in the archive at `path`, or in the folder of either.

    Nothing of an archive is written to disk: the member is found by its base name and read up to a limit.
    """
    path = expanded(path)
    if path.is_dir():
        inside = [path / name for name in (GRAPH, ARCHIVE) if (path / name).is_file()]
        if not inside:
            raise UserError(f"the folder {path} holds neither {GRAPH} nor {ARCHIVE}")
        path = inside[0]
    if not path.is_file():
        raise UserError(f"no file {path}: name {ARCHIVE} or the {GRAPH} in it (from {URL})")
    try:
        with open(path, "rb") as file:
            start = file.read(512)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    # By content, since browsers rename and unpack: gzip's mark, or that of a plain tar archive.
    if start[:2] == b"\x1f\x8b" or start[257:262] == b"ustar":
        return _read_archive(path)
    return read_limited(path)


def _read_archive(path):
    try:
        with open(path, "rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            stream = _Bounded(gzip.GzipFile(fileobj=file) if compressed else file, path)
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                content = _member(archive)
            # To the end, where gzip keeps the sum of what it holds.
            while stream.read(2**20):
                pass
    except UserError:
        raise
    except Exception as error:  # Damaged archives raise a dozen kinds; all mean the same to the user.
        raise UserError(f"{path} is damaged or incomplete ({error}): remove it and get {URL} again") from error
    if content is None:
        raise UserError(f"{path} holds no {GRAPH}: it is not {ARCHIVE}")
    return content


def _member(archive):
    """Return the content of the graph in a tar archive, None where it is not among the first `LARGEST_MEMBERS`."""
    for member in itertools.islice(archive, LARGEST_MEMBERS):
        if member.isfile() and member.name.rpartition("/")[2] == GRAPH:
            if member.size > LARGEST_FILE:
                raise UserError(f"its {GRAPH} is larger than any such graph")
            return archive.extractfile(member).read()
    return None


class _Bounded:
    """The reading end of a stream, no longer than a graph file may be: a few kilobytes can unpack to terabytes."""

    def __init__(self, stream, path):
        self.stream = stream
        self.path = path
        self.left = LARGEST_FILE

    def read(self, size):
        content = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise UserError(f"{self.path} unpacks to more than {LARGEST_FILE // 2**20} MB: it is not {ARCHIVE}")
        return content


def _read_kept(kept):
    content = read_limited(kept)
    try:
        expected = _sum_file(kept).read_text(encoding="ascii").split()[0]
    except (OSError, ValueError, IndexError):
        expected = None
    if expected and expected != hashlib.sha256(content).hexdigest():
        raise UserError(f"{kept} was changed since it was downloaded: remove it and let it be downloaded again")
    return content


def _sum_file(kept):
    return kept.with_name(f"{kept.name}.sha256")
