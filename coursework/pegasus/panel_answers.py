"""What people said of the panel's images: their answer files read strictly, and tabled by source."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coursework.pegasus.panel import LONGEST_NAME, VERSION
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_text, write_text
from coursework.util.tables import aligned

# Bytes; an answer has about two hundred.
LARGEST = 2**20
HIGHEST = 10
# Images with at least this mean rating are counted.
ENOUGH = 5
# Of a source, in the table.
NAMES = 5
QUESTIONS = {"winged": "a horse with wings", "real": "looks real"}
ARTICLE = re.compile(r"^(a|an|the) ")


@dataclass(frozen=True)
class Key:
    """panel: fingerprint of the page. images: (id, source, name) of each image, in the order of the sources."""

    panel: str
    images: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Answer:
    """What one person said of one image: ratings from 0 to 10, and the name given, "" for none."""

    person: str
    image: str
    name: str
    winged: int
    real: int


def read_key(path: str | Path) -> Key:
    """Return the `Key` that `write_panel` wrote; raises `UserError` for anything else."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no key {path}: name the panel-key.json that was written with the page, by --key")
    content = parse_json(read_text(path), path)
    try:
        images = tuple((each["id"], _plain(each["source"]), _plain(each["name"])) for each in content["images"])
        whole = content["version"] == VERSION and images and all(isinstance(mark, str) for mark, _, _ in images)
        panel = content["panel"]
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no key of a panel") from error
    if not whole or not isinstance(panel, str):
        raise UserError(f"{path} is no key of a panel")
    return Key(panel, images)


def read_answers(paths: Sequence[str | Path], key: Key) -> list[Answer]:
    """Return the answers in files that the page saved.

    Raises `UserError` for a file that the page would not have saved, one saved from another panel, and a second file of
    one person.
    """
    answers: list[Answer] = []
    files: dict[str, str | Path] = {}
    known = {mark for mark, _, _ in key.images}
    for path in paths:
        found = _read_file(path, key.panel, known)
        person = found[0].person
        if person in files:
            raise UserError(f"{files[person]} and {path} are answers of one person: give one of them")
        files[person] = path
        answers += found
    return answers


def _read_file(path: str | Path, panel: str, known: set[str]) -> list[Answer]:
    content = parse_json(read_text(path, LARGEST), path)
    if not isinstance(content, dict) or set(content) != {"version", "panel", "person", "answers"}:
        raise UserError(f"{path} holds no answers saved by the panel's page")
    if type(content["version"]) is not int or content["version"] != VERSION:
        raise UserError(f"{path} is of another version of the panel: this one reads version {VERSION}")
    if content["panel"] != panel:
        raise UserError(f"{path} was saved from another panel: name the key of that one by --key")
    person, answers = content["person"], content["answers"]
    if not isinstance(person, str) or not re.fullmatch("[0-9a-f]{32}", person):
        raise UserError(f"{path}: person should be 32 hexadecimal digits")
    if not isinstance(answers, list) or not answers:
        raise UserError(f"{path} holds no answer")
    found: dict[str, Answer] = {}
    for number, entry in enumerate(answers, start=1):
        answer = _read_answer(entry, person, f"{path}: answer {number}")
        if answer.image not in known:
            raise UserError(f"{path}: answer {number} is of an image that the panel does not show")
        if answer.image in found:
            raise UserError(f"{path}: answer {number} is a second one of an image")
        found[answer.image] = answer
    return list(found.values())


def _read_answer(entry: object, person: str, where: str) -> Answer:
    if not isinstance(entry, dict) or set(entry) != {"image", "name", "winged", "real"}:
        raise UserError(f"{where} should have image, name, winged and real")
    image, name = entry["image"], entry["name"]
    if not isinstance(image, str) or not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise UserError(f"{where}: image and name should be text, the name of at most {LONGEST_NAME} letters")
    for question in QUESTIONS:
        # Written so that true is no rating.
        if type(entry[question]) is not int or not 0 <= entry[question] <= HIGHEST:
            raise UserError(f"{where}: {question} should be a whole number from 0 to {HIGHEST}")
    return Answer(person, image, _plain(name), entry["winged"], entry["real"])


def _plain(text: str) -> str:
    """Return `text` without line breaks and whatever else moves a terminal's cursor."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def table_panel(key: Key, answers: Iterable[Answer]) -> dict:
    """Return the table of `answers` by source, ready for JSON.

    {"panel": fingerprint, "people": number, "sources": a row for each source of which an image was rated}. A row holds
    "source", "images" and "people" (numbers of those with an answer), "ratings" (number of answers), "names" (list of
    [name given, times], the most frequent first) and for "winged" and "real" {"mean": of all ratings,
    "standard_error": see `mean_and_error`, "best": {"image": name in the source, "mean": over people}, "at_least_5":
    share of images whose mean over people is 5 or more}.
    """
    by_image: dict[str, list[Answer]] = {}
    people = set()
    for answer in answers:
        by_image.setdefault(answer.image, []).append(answer)
        people.add(answer.person)
    sources: dict[str, dict[str, str]] = {}
    for mark, source, name in key.images:
        if mark in by_image:
            # Of equal images of one source the first.
            sources.setdefault(source, {}).setdefault(mark, name)
    rows = [_row(source, names, by_image) for source, names in sources.items()]
    return {"panel": key.panel, "people": len(people), "sources": rows}


def _row(source: str, names: dict[str, str], by_image: dict[str, list[Answer]]) -> dict:
    answers = [answer for mark in names for answer in by_image[mark]]
    given = Counter(ARTICLE.sub("", answer.name.casefold().rstrip(".!?")) for answer in answers if answer.name)
    row = {
        "source": source,
        "images": len(names),
        "people": len({answer.person for answer in answers}),
        "ratings": len(answers),
        "names": [list(each) for each in sorted(given.items(), key=lambda each: (-each[1], each[0]))[:NAMES]],
    }
    for question in QUESTIONS:
        ratings = [(answer.image, answer.person, getattr(answer, question)) for answer in answers]
        mean, error = mean_and_error(ratings)
        means = {mark: _mean([getattr(answer, question) for answer in by_image[mark]]) for mark in names}
        best = max(means, key=lambda mark: means[mark])
        row[question] = {
            "mean": mean,
            "standard_error": error,
            "best": {"image": names[best], "mean": means[best]},
            "at_least_5": _mean([value >= ENOUGH for value in means.values()]),
        }
    return row


def mean_and_error(ratings: Sequence[tuple[str, str, int]]) -> tuple[float, float | None]:
    """Return the mean of ratings (image, person, value) and its standard error, None for a single rating.

    Ratings of one image depend on each other, and so do those of one person: the error is clustered over both (Cameron,
    Gelbach and Miller 2011). Its square is the variance clustered over images plus that clustered over people, each
    G / (G - 1) sum_g (sum of the deviations in g)^2 / n^2 for G clusters and n ratings. The paper subtracts a third
    term, which corrects for what both count; it is left out, so that the estimate is biased upwards. Where
    everybody rates every image the square is s_i^2 / images + s_p^2 / people, with s_i^2 the variance of the images'
    means and s_p^2 that of the people's. With a single person the error is over images alone.
    """
    mean = _mean([value for _, _, value in ratings])
    variances = []
    for cluster in (0, 1):
        sums: dict[str, float] = {}
        for *marks, value in ratings:
            sums[marks[cluster]] = sums.get(marks[cluster], 0.0) + value - mean
        if len(sums) > 1:
            total = sum(value**2 for value in sums.values()) / len(ratings) ** 2
            variances.append(len(sums) / (len(sums) - 1) * total)
    return mean, sum(variances) ** 0.5 if variances else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def panel_lines(table: dict) -> list[str]:
    """Return the table of `table_panel` as lines of text."""
    rows = [["", "", "", *(cell for title in QUESTIONS.values() for cell in (title, "", ""))]]
    rows.append(["source", "images", "people", *2 * ("mean", "best", f"{ENOUGH} or more")])
    for row in table["sources"]:
        cells = [row["source"], str(row["images"]), str(row["people"])]
        for question in QUESTIONS:
            found, error = row[question], row[question]["standard_error"]
            cells.append(f"{found['mean']:.1f} ± {'–' if error is None else f'{error:.1f}'}")
            cells += [f"{found['best']['mean']:.1f}", f"{100 * found['at_least_5']:.0f} %"]
        rows.append(cells)
    over = "images and people" if table["people"] > 1 else "images alone: one person tells nothing of others"
    lines = [*aligned(rows), f"± standard error of the mean, clustered over {over}", ""]
    for row in table["sources"]:
        names = ", ".join(f"{name} ({times})" for name, times in row["names"]) or "no name"
        lines.append(f"{row['source']}: best {row['winged']['best']['image']}; named {names}")
    return lines


def write_table(path: str | Path, table: dict) -> None:
    """Write the table of `table_panel` as JSON."""
    write_text(path, json.dumps(table, indent=1) + "\n")
