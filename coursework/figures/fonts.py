"""Typefaces: that of the figures and, for letters that it lacks, those of the system."""

import functools
import sys
import unicodedata
from pathlib import Path

# First letter of the emoji; those before are signs that the typefaces of formulas have.
FIRST_EMOJI = 0x1F000
# Latin with accents and the Greek of formulas: the typeface of the figures has all of these.
COMMON = frozenset(map(chr, [*range(0x180), *range(0x391, 0x3CA)]))


def own_file() -> Path:
    """Return the file of the typeface of all figures, which comes with matplotlib."""
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", "STIXGeneral.ttf")


def lacking(text: str) -> str:
    """Return the letters of `text`, each once and sorted, that the typeface of the figures lacks."""
    letters = [letter for letter in sorted(set(text)) if letter not in COMMON and _is_letter(letter)]
    # Without such letters nothing is looked up, which would import matplotlib.
    known = _letters(own_file()) if letters else frozenset()
    return "".join(letter for letter in letters if ord(letter) not in known)


def fallback_files(text: str) -> list[Path]:
    """Return files of the system's fonts that have the letters of `text` which the figures' typeface lacks.

    One line on standard error names, once, the letters that no font has.
    """
    files, missing = _found(lacking(text))
    if missing:
        _warn(missing)
    return files


def missing_letters(text: str) -> str:
    """Return the letters of `text` that neither the figures' typeface nor a font of the system has."""
    return _found(lacking(text))[1]


def fallback_families(text: str) -> list[str]:
    """Return the names by which matplotlib finds the fonts of `fallback_files`."""
    files = fallback_files(text)
    if not files:
        return []
    from matplotlib.font_manager import FontProperties, fontManager

    for file in files:
        if not any(entry.fname == str(file) for entry in fontManager.ttflist):
            fontManager.addfont(file)
    return [FontProperties(fname=file).get_name() for file in files]


def _is_letter(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LM" or ord(letter) >= FIRST_EMOJI


@functools.cache
def _found(letters: str) -> tuple[list[Path], str]:
    """Return (files of fonts that together have as many of the letters as any do, letters that none has)."""
    if not letters:
        return [], ""
    from matplotlib.font_manager import findSystemFonts

    missing, files = set(letters), []
    candidates = [Path(file) for file in sorted(findSystemFonts())]
    while missing:
        gains = [(len(missing & {chr(code) for code in _letters(file)}), file) for file in candidates]
        gain, best = max(gains, key=lambda pair: pair[0], default=(0, Path()))
        if not gain:
            break
        files.append(best)
        missing -= {chr(code) for code in _letters(best)}
    return files, "".join(sorted(missing))


@functools.cache
def _letters(file: Path) -> frozenset[int]:
    """Return the code points that a font has a glyph for; none for a file that cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(file)).get_charmap())
    except (RuntimeError, OSError):
        return frozenset()


@functools.cache
def _warn(letters: str) -> None:
    print(
        f"warning: no font of this system has {' '.join(letters)}: a box stands for each; install one that does, "
        "such as Noto Sans for that script",
        file=sys.stderr,
    )
