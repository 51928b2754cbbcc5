"""The zip: equal files make equal bytes, and a manifest lists its content."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

MANIFEST = "manifest.json"
# The earliest date that a zip can hold; read and write for the owner, read for all.
DATE = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644
UNIX = 3


def manifest(files: Mapping[str, bytes]) -> bytes:
    """Return manifest.json of {path: bytes}: the size and the SHA-256 of every file but itself."""
    listed = {
        path: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in sorted(files.items())
    }
    return (json.dumps({"files": listed}, indent=1, ensure_ascii=False) + "\n").encode()


def write_zip(path: Path | str, files: Mapping[str, bytes]) -> None:
    """Write {path: bytes} and their manifest to the zip at `path`, sorted, without dates."""
    files = {**files, MANIFEST: manifest(files)}
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, DATE)
            entry.external_attr, entry.create_system = MODE << 16, UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
