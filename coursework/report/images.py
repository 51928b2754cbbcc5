"""Images of a report: shrunk to their own pixels, each once, for the page as WebP, PNG or SVG, for print as PDF."""

import hashlib
import io
import math
import struct
from pathlib import Path

import numpy as np
from PIL import Image, features

from coursework.data.image_files import FORMATS

WHITE = 255


class Images:
    """Takes images into `folder`, under names of their own; equal images are kept once."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.known = {}

    def add(self, path, prepare=None):
        """Return {"page", "print", "width", "height", "pixels"} of the image in `path`, None where missing or broken.

        page, print: names of files in the folder: WebP, PNG or SVG, and PDF. width, height: in pixels, None for a
        drawing.
        pixels: whether it consists of pixels that a reader should see. prepare: what to do to the pixels first.
        A drawing is an SVG file with the PDF of the same name beside it.
        """
        path = Path(path)
        if path.suffix == ".svg":
            return self._add_drawing(path)
        array = read_image(path)
        if array is None:
            return None
        array = shrink(array)
        return self.add_array(prepare(array) if prepare else array)

    def add_array(self, array):
        """Return the same of a uint8 image (h, w, 3) or (h, w)."""
        array = np.ascontiguousarray(array)
        key = hashlib.sha256(repr(array.shape).encode() + array.tobytes()).digest()
        if key not in self.known:
            stem = f"image-{len(self.known)}"
            png = encoded(array, format="PNG")
            suffix, packed = for_page(array, png)
            (self.folder / f"{stem}{suffix}").write_bytes(packed)
            (self.folder / f"{stem}.pdf").write_bytes(as_pdf(array, png))
            height, width = array.shape[:2]
            self.known[key] = _record(f"{stem}{suffix}", f"{stem}.pdf", width, height, True)
        return self.known[key]

    def _add_drawing(self, path):
        drawn = path.with_suffix(".pdf")
        if not path.is_file() or not drawn.is_file():
            return None
        content = path.read_bytes()
        key = hashlib.sha256(content).digest()
        if key not in self.known:
            stem = f"image-{len(self.known)}"
            (self.folder / f"{stem}.svg").write_bytes(content)
            (self.folder / f"{stem}.pdf").write_bytes(drawn.read_bytes())
            self.known[key] = _record(f"{stem}.svg", f"{stem}.pdf", None, None, False)
        return self.known[key]


def _record(page, printed, width, height, pixels):
    return {"page": page, "print": printed, "width": width, "height": height, "pixels": pixels}


def read_image(path):
    """Return the uint8 pixels (h, w, 3) of the image at `path`, (h, w) of a grey one; None where it cannot be read."""
    try:
        # Opening a named pipe would wait for whoever writes to it.
        if not Path(path).is_file():
            return None
        with Image.open(path, formats=FORMATS) as image:
            return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    except Exception:  # Pillow raises a dozen kinds for a damaged file.
        return None


def shrink(sheet):
    """Return a sheet of enlarged images at the images' own resolution, with gaps of a pixel or two between them.

    A sheet that is not enlarged by whole numbers, or has writing beside the images, is returned as it is.
    """
    factors = [math.gcd(*(stop - start for start, stop, blank in _bands(sheet, axis) if not blank)) for axis in (0, 1)]
    if factors[0] != factors[1] or factors[0] < 2:
        return sheet
    for axis in (0, 1):
        kept = [
            start + offset
            for start, stop, blank in _bands(sheet, axis)
            for offset in range(0, stop - start, factors[0])
        ]
        sheet = sheet.take(kept, axis=axis)
    return sheet


def _bands(sheet, axis):
    """Return [(start, stop, whether it is white)] of the runs of equal lines along an axis."""
    lines = np.moveaxis(sheet, axis, 0).reshape(sheet.shape[axis], -1)
    changes = np.flatnonzero((lines[1:] != lines[:-1]).any(axis=1)) + 1
    edges = [0, *changes.tolist(), len(lines)]
    return [(start, stop, bool((lines[start] == WHITE).all())) for start, stop in zip(edges, edges[1:], strict=False)]


def tile_spans(sheet):
    """Return [(top, bottom)] and [(left, right)] of the rows and columns of images between white gaps."""
    return _spans(sheet, 0), _spans(sheet, 1)


def _spans(sheet, axis):
    white = (np.moveaxis(sheet, axis, 0).reshape(sheet.shape[axis], -1) == WHITE).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], white, [True]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def first_rows(sheet, count):
    """Return the first `count` rows of images of a sheet, all of it where there are no more."""
    rows, _ = tile_spans(sheet)
    return sheet[: rows[count - 1][1] + 1] if len(rows) > count else sheet


def for_page(array, png):
    """Return (suffix, bytes) of the smaller file of a uint8 image (h, w, 3) or (h, w): its PNG or reversible WebP."""
    if features.check("webp"):
        # Method 2 takes half the time of those that pack two per cent better.
        webp = encoded(array, format="WEBP", lossless=True, method=2)
        if len(webp) < len(png):
            return ".webp", webp
    return ".png", png


def as_pdf(array, png, points=1.0):
    """Return a PDF page that is the uint8 image (h, w, 3) or (h, w), whose PNG file is `png`, each pixel `points` wide.

    The typesetter would pack pixels without a predictor, up to twice as large. Here they are packed as PNG or as
    reversible JPEG 2000, whichever is smaller: PDF readers know both, and neither loses anything.
    """
    height, width = array.shape[:2]
    space, colors = (b"/DeviceGray", 1) if array.ndim == 2 else (b"/DeviceRGB", 3)
    packed = _png_rows(png)
    filtering = b"/FlateDecode /DecodeParms << /Predictor 15 /Colors %d /Columns %d >>" % (colors, width)
    if features.check("jpg_2000"):
        wavelets = encoded(array, format="JPEG2000", irreversible=False, mct=int(colors == 3))
        if len(wavelets) < len(packed):
            packed, filtering = wavelets, b"/JPXDecode"
    paper = b"%.6g %.6g" % (points * width, points * height)
    drawing = b"%.6g 0 0 %.6g 0 0 cm /I Do" % (points * width, points * height)
    size = b"/Width %d /Height %d" % (width, height)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %s] /Contents 4 0 R" % paper
        + b" /Resources << /XObject << /I 5 0 R >> >> >>",
        _stream(b"", drawing),
        _stream(
            b"/Type /XObject /Subtype /Image %s /ColorSpace %s /BitsPerComponent 8 /Interpolate false /Filter %s "
            % (size, space, filtering),
            packed,
        ),
    ]
    pdf, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(pdf))
    return pdf + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + end


def _stream(entries, content):
    return b"<< %s/Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)


def encoded(array, **options):
    """Return the file that Pillow makes of an image, as bytes."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, **options)
    return buffer.getvalue()


def _png_rows(png):
    """Return the compressed rows of a PNG file: what PDF calls Flate with predictor 15."""
    position, packed = 8, b""
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        if png[position + 4 : position + 8] == b"IDAT":
            packed += png[position + 8 : position + 8 + length]
        position += length + 12
    return packed
