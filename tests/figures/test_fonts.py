"""Letters of any script: a system font that has them is found, else a warning names them."""

import io

import numpy
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from PIL import Image

from coursework.figures import fonts
from coursework.figures.grids import drawing_style, save_figure, strips
from coursework.report.typesetting import typeset

AUTHOR = "王小明"


def write_font(file, letters, family="Strange"):
    """Write a font in which each of `letters` is a black square of the em, and return its path."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 1000), (1000, 1000), (1000, 0)):
        pen.lineTo(corner)
    pen.closePath()
    names = [".notdef", *(f"letter{index}" for index in range(len(letters)))]
    empty = TTGlyphPen(None).glyph()
    square = pen.glyph()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(dict(zip(map(ord, letters), names[1:], strict=True)))
    builder.setupGlyf({name: square if index else empty for index, name in enumerate(names)})
    builder.setupHorizontalMetrics({name: (1000, 0) for name in names})
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": family, "styleName": "Regular", "psName": f"{family}-Regular"})
    builder.setupOS2(sTypoAscender=1000, usWinAscent=1000, usWinDescent=0)
    builder.setupPost()
    builder.save(file)
    return file


@pytest.fixture
def system_fonts(monkeypatch):
    """Return the list of the system's fonts, empty at first."""
    found = []
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [str(file) for file in found])
    for cached in (fonts._found, fonts._letters, fonts._warn):
        cached.cache_clear()
    yield found
    fonts._found.cache_clear()


def test_what_the_typeface_lacks():
    assert fonts.lacking("Fréchet ± 0.1 → Łódź, Ελλάς, Кириллица ✓") == ""
    assert fonts.lacking(f"by {AUTHOR}, {AUTHOR} 😀") == "".join(sorted(f"{AUTHOR}😀"))


def test_the_fonts_that_have_the_letters_are_found(system_fonts, tmp_path, capsys):
    other = write_font(tmp_path / "other.ttf", "ab王")
    best = write_font(tmp_path / "best.ttf", "王小")
    (tmp_path / "damaged.ttf").write_bytes(b"no font")
    system_fonts += [other, best, tmp_path / "damaged.ttf"]
    assert fonts.fallback_files("plain, naïve") == []
    assert fonts.fallback_files("王小 plain") == [best]
    assert capsys.readouterr().err == ""
    assert fonts.fallback_files(AUTHOR) == [best]
    fonts.fallback_files(AUTHOR)
    assert capsys.readouterr().err == (
        "warning: no font of this system has 明: a box stands for each; install one that does, such as Noto Sans for "
        "that script\n"
    )


def square_share(page):
    """Return the share of nearly black pixels."""
    return float(numpy.mean(numpy.asarray(page.convert("L")) < 40))


def test_report_and_figures_have_the_letters(system_fonts, tmp_path):
    """Three black squares of the font stand where boxes would."""
    main = tmp_path / "report.typ"
    main.write_text(f"#set page(width: 60pt, height: 30pt, margin: 5pt)\n{AUTHOR}", encoding="utf-8")

    def shares():
        with Image.open(io.BytesIO(typeset(main, "png", ppi=144.0))) as page:
            report = square_share(page)
        with drawing_style():
            figure = Figure(figsize=(2, 1))
            figure.text(0.1, 0.3, AUTHOR, fontsize=30)
            save_figure(figure, tmp_path / "figure.png")
        with Image.open(tmp_path / "figure.png") as page:
            drawn = square_share(page)
        title = strips(numpy.full((1, 1, 64, 64, 3), 255, numpy.uint8), row_titles=[AUTHOR])
        return report, drawn, square_share(Image.fromarray(title))

    without = shares()
    system_fonts.append(write_font(tmp_path / "strange.ttf", AUTHOR))
    fonts._found.cache_clear()
    report, drawn, title = shares()
    # Three squares of 11 points on 60x30, three of 30 on 144x72, three of 10 pixels beside 64x64.
    assert report == pytest.approx(3 * 11**2 / (60 * 30), rel=0.1) and without[0] < 0.1
    assert drawn == pytest.approx(3 * 30**2 / (144 * 72), rel=0.1) and without[1] < 0.1
    assert title == pytest.approx(300 / (64 * (64 + 40)), rel=0.25) and without[2] < 0.01


def test_a_users_matplotlibrc_is_not_inherited(tmp_path, monkeypatch):
    """`text.usetex` would ask for LaTeX, black figures would not print."""
    import matplotlib

    def drawn():
        with drawing_style():
            figure = Figure(figsize=(2, 1))
            figure.subplots().plot([1, 2])
            save_figure(figure, tmp_path / "figure.png")
        return (tmp_path / "figure.png").read_bytes()

    plain = drawn()
    with matplotlib.rc_context({"text.usetex": True, "figure.facecolor": "black", "lines.linewidth": 9}):
        assert drawn() == plain
        assert matplotlib.rcParams["lines.linewidth"] == 9
