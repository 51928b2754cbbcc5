"""The gallery page as a person uses it, in a headless Chromium: sort, filter, look, mark, save; skipped without one."""

import json
import time

import numpy
import pytest
from browser import NEEDS_CHROMIUM, Browser, start_chromium
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from coursework.data import sprites
from coursework.pegasus.choice import read_choice
from coursework.pegasus.gallery import fingerprint, write_gallery

pytestmark = NEEDS_CHROMIUM

COUNT = 60
RUNS = {"latent_search": ("sngan-cifar10-s0", "gan-cifar10-s0"), "interpolation": ("acai-cifar10-s0",)}
NAMES = ("recognisability", "realism", "uniqueness", "overall")
HOSTILE = "<img src=x onerror='window.broken=1'></script><script>window.broken=1</script>\u2028"


def make_records(count, seed=0):
    """Records with scores of their own in every column; every seventh has no second witness's."""
    generator = numpy.random.default_rng(seed)
    records = []
    for index in range(count):
        strategy = ("latent_search", "interpolation")[index % 3 == 2]
        run = RUNS[strategy][index % len(RUNS[strategy])]
        scores, second = ({name: round(float(generator.random()), 6) for name in NAMES} for _ in range(2))
        records.append(
            {
                "id": f"{strategy}/{run}/0/{index}",
                "strategy": strategy,
                "run": run,
                "seed": 0,
                "index": index,
                "rank": None,
                "scores": scores,
                "second": None if index % 7 == 6 else second,
                "belief": {"body": 0.91, "wings": 0.3, "unity": 0.7},
                "origin": {"body": {"class": "horse", "train_index": 5, "share": 0.62345678}, "mask": HOSTILE},
                "neighbours": [
                    {"space": "pixels", "train_index": index % 10, "distance": 12.5},
                    {"space": "features", "train_index": 999, "distance": 0.25},
                ],
            }
        )
    for rank, record in enumerate(sorted(records, key=lambda record: -record["scores"]["realism"])[:8], 1):
        record["rank"] = rank
    return records


class GalleryBrowser(Browser):
    """The gallery in Chromium, with what the tests do to it."""

    def choose(self, name, value):
        Select(self.find(name)).select_by_value(value)

    def tiles(self):
        """Indices of the candidates whose tiles exist, in their order on the page."""
        labels = self.run("return [...document.querySelectorAll('.tile')].map(tile => tile.ariaLabel)")
        return [int(label.split("; ")[0].rpartition(" ")[2]) for label in labels]

    def tile(self, position):
        return self.driver.find_element(By.CSS_SELECTOR, f'[data-position="{position}"]')

    def pixels(self, selector):
        """The picture (h, w, 3) that a canvas shows."""
        height, width, values = self.run(
            "const c = document.querySelector(arguments[0]);"
            "return [c.height, c.width, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]",
            selector,
        )
        return numpy.array(values, numpy.uint8).reshape(height, width, 4)[..., :3]


@pytest.fixture(scope="module")
def driver():
    driver = start_chromium()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """Path of a page, its images, its records."""
    path = tmp_path_factory.mktemp("gallery") / "the gallery.html"
    images, records = sprites.pegasi(COUNT, 1), make_records(COUNT)
    training = dict(enumerate(sprites.render("horse", 10, 2)))
    write_gallery(path, images, records, training, f"Pegasi {HOSTILE}", f"A note {HOSTILE}")
    return path, images, records


@pytest.fixture
def browser(driver, gallery):
    """The page, freshly opened, with nothing remembered; nothing may have gone wrong in it at the end."""
    browser = GalleryBrowser(driver, gallery[0]).load()
    browser.run("localStorage.clear()")
    driver.get_log("browser")
    yield browser.load()
    assert driver.get_log("browser") == []
    assert browser.run("return window.broken") is None
    assert browser.run("return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:'))") == []


def by_score(records, key, name):
    """Indices as a sort by one score must give them: best first, those without it last, ties in their order."""
    known = [i for i, record in enumerate(records) if record[key] is not None]
    unknown = [i for i, record in enumerate(records) if record[key] is None]
    return sorted(known, key=lambda i: -records[i][key][name]), unknown


def test_candidates_are_sorted_by_rank_and_by_every_score(browser, gallery):
    records = gallery[2]
    ranked = sorted(range(COUNT), key=lambda i: (records[i]["rank"] or 99, -records[i]["scores"]["overall"]))
    assert browser.tiles() == ranked
    values = [option.get_attribute("value") for option in Select(browser.find("sort")).options]
    assert values == ["rank", *(f"{key}.{name}" for key in ("scores", "second") for name in NAMES)]
    for value in values[1:]:
        browser.choose("sort", value)
        known, unknown = by_score(records, *value.split("."))
        assert browser.tiles() == known + unknown
    browser.find("reverse").click()
    assert browser.tiles() == known[::-1] + unknown
    assert browser.find("reverse").text == "↑ Worst first"


def test_filters_narrow_the_grid_and_count_under_each_other(browser, gallery):
    records = gallery[2]
    assert browser.text("counts") == "60 candidates · 2 strategies · 3 runs · 8 chosen by rule"
    assert browser.text("status") == "All 60 candidates"
    browser.choose("strategy", "latent_search")
    assert sorted(browser.tiles()) == [i for i in range(COUNT) if records[i]["strategy"] == "latent_search"]
    assert browser.text("status") == "40 of 60 candidates"
    labels = [option.text for option in Select(browser.find("run")).options]
    assert labels == ["all (40)", "sngan-cifar10-s0 (20)", "gan-cifar10-s0 (20)", "acai-cifar10-s0 (0)"]
    assert [option.text for option in Select(browser.find("strategy")).options] == [
        "all (60)",
        "latent search (40)",
        "interpolation (20)",
    ]
    browser.find("chosen").click()
    chosen = [i for i in range(COUNT) if records[i]["rank"] and records[i]["strategy"] == "latent_search"]
    assert browser.tiles() == sorted(chosen, key=lambda i: records[i]["rank"]) and 0 < len(chosen) < 8
    browser.choose("run", "acai-cifar10-s0")
    assert browser.tiles() == [] and browser.find("empty").is_displayed()
    browser.find("clear").click()
    assert len(browser.tiles()) == COUNT and not browser.find("empty").is_displayed()


def test_the_address_keeps_what_is_shown_and_nonsense_in_it_is_passed_over(browser, gallery):
    browser.choose("sort", "second.realism")
    browser.choose("run", "acai-cifar10-s0")
    address = "#" + browser.run("return location.hash").removeprefix("#")
    shown = browser.tiles()
    browser.load(address)
    assert browser.tiles() == shown and len(shown) == 20
    browser.load("#sort=scores.beauty&strategy=%3Cscript%3E&size=enormous&more=1")
    assert len(browser.tiles()) == COUNT and browser.find("sort").get_attribute("value") == "rank"


def test_a_candidate_opens_with_its_scores_neighbours_and_origin(browser, gallery):
    _, images, records = gallery
    index = browser.tiles()[1]
    numpy.testing.assert_array_equal(browser.pixels('[data-position="1"] canvas'), images[index])
    browser.tile(1).click()
    record = records[index]
    assert browser.find("candidate").is_displayed() and browser.text("candidate-name") == record["id"]
    assert browser.text("candidate-place") == "2 of 60"
    numpy.testing.assert_array_equal(browser.pixels("#enlarged"), images[index])
    rows = browser.run(
        "return [...document.querySelectorAll('#scores tr')].map(row => [...row.children].map(c => c.textContent))"
    )
    assert rows[0] == ["", "Searching witness", "Second witness"]
    second = record["second"] or {}
    assert rows[1:5] == [
        [name.capitalize(), f"{record['scores'][name]:.3f}", f"{second[name]:.3f}" if second else "–"] for name in NAMES
    ]
    assert rows[5:] == [["Belief: body", "0.910", ""], ["Belief: wings", "0.300", ""], ["Belief: unity", "0.700", ""]]
    horses = sprites.render("horse", 10, 2)
    numpy.testing.assert_array_equal(browser.pixels("#neighbours canvas"), horses[index % 10])
    captions = browser.run("return [...document.querySelectorAll('#neighbours figcaption')].map(c => c.innerText)")
    assert [caption.split("\n") for caption in captions] == [
        ["In pixels", "distance 12.5", f"training image {index % 10}"],
        ["In features", "distance 0.25", "training image 999"],
    ]
    assert browser.run("return document.querySelectorAll('#neighbours div.training').length") == 1
    origin = browser.run("return [...document.querySelectorAll('#origin > *')].map(e => e.textContent)")
    origin = dict(zip(origin[::2], origin[1::2], strict=True))
    assert origin == {
        "Strategy": record["strategy"].replace("_", " "),
        "Run": record["run"],
        "Seed": "0",
        "Index": str(index),
        "Rank": "2",
        "Body": "class horse, train index 5, share 0.6235",
        "Mask": HOSTILE,
    }
    numpy.testing.assert_array_equal(browser.pixels("#origin canvas"), horses[5])


def test_keys_alone_move_open_go_on_mark_and_close(browser, gallery):
    records, order = gallery[2], browser.tiles()
    columns = browser.run("return grid.columns")
    browser.run("document.querySelector('.tile').focus()")
    focused = "return Number(document.activeElement.dataset.position)"
    browser.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert browser.run(focused) == columns + 1
    browser.press(Keys.CONTROL + Keys.END)
    assert browser.run(focused) == COUNT - 1
    browser.press(Keys.CONTROL + Keys.HOME, Keys.END)
    assert browser.run(focused) == columns - 1
    assert browser.run("return document.querySelectorAll('.tile[tabindex=\"0\"]').length") == 1
    browser.press("f", Keys.ENTER)
    assert browser.text("candidate-name") == records[order[columns - 1]]["id"]
    assert browser.find("mark").get_attribute("aria-pressed") == "true"
    browser.press(Keys.ARROW_RIGHT, "f", Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert browser.text("candidate-name") == records[order[columns - 2]]["id"]
    browser.press(Keys.ESCAPE)
    browser.wait(lambda: not browser.find("candidate").is_displayed())
    # Focus comes back to where the looking ended.
    browser.wait(lambda: browser.run(focused) == columns - 2)
    starred = "return [...document.querySelectorAll('.tile:has(.star)')].map(tile => Number(tile.dataset.position))"
    assert browser.run(starred) == [columns - 1, columns]
    browser.load()
    assert browser.run(starred) == [columns - 1, columns]
    browser.find("favourites").click()
    assert browser.tiles() == order[columns - 1 : columns + 1]


def test_at_either_end_the_arrows_stay(browser, gallery):
    records, order = gallery[2], browser.tiles()
    browser.tile(0).click()
    browser.press(Keys.ARROW_LEFT)
    assert browser.text("candidate-name") == records[order[0]]["id"]
    assert browser.find("previous").get_attribute("aria-disabled") == "true"
    browser.find("next").click()
    assert browser.text("candidate-name") == records[order[1]]["id"]
    assert browser.find("previous").get_attribute("aria-disabled") == "false"
    browser.find("close").click()
    assert not browser.find("candidate").is_displayed()


def test_the_choice_is_saved_and_read_back(browser, gallery, tmp_path):
    _, images, records = gallery
    order = browser.tiles()
    browser.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path), "eventsEnabled": False}
    )
    browser.find("choose").click()
    assert browser.find("choice-none").is_displayed() and not browser.find("choice-some").is_displayed()
    browser.find("choice-close").click()
    browser.tile(3).click()
    browser.find("mark").click()
    browser.press(Keys.ARROW_RIGHT)
    # Not marked, and offered all the same, since it is the one that was open.
    browser.find("choose-this").click()
    names = browser.run("return [...document.querySelectorAll('#options span')].map(name => name.textContent)")
    assert names == [records[order[4]]["id"], records[order[3]]["id"]]
    mark = fingerprint(images, records)
    text = browser.find("choice-text").get_attribute("value")
    assert json.loads(text) == {"version": 1, "gallery": mark, "id": records[order[4]]["id"]}
    browser.driver.find_elements(By.NAME, "choice")[1].click()
    browser.find("download").click()
    file = tmp_path / "choice.json"
    browser.wait(file.is_file)
    assert read_choice(file, records, mark) is records[order[3]]
    assert file.read_text() == browser.find("choice-text").get_attribute("value")


def test_without_a_place_to_keep_them_favourites_last_as_long_as_the_page(browser):
    script = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('none here'); }})"
    added = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    try:
        browser.load()
        browser.run("document.querySelector('.tile').focus()")
        browser.press("f")
        assert browser.text("favourites-label") == "Favourites only (1)"
        assert browser.find("choose").text == "Save choice ★ 1"
    finally:
        browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def luminance(colour):
    """Relative luminance of "rgb(r, g, b)", WCAG 2.2."""
    values = numpy.array([float(part) for part in colour.strip("rgb()").split(",")]) / 255
    linear = numpy.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(browser, selector, property="color", against="background-color"):
    """Contrast of an element's text, or another property, with the nearest background behind it."""
    ink, ground = browser.run(
        "let e = document.querySelector(arguments[0]); const ink = getComputedStyle(e)[arguments[1]]; let ground;"
        "do { ground = getComputedStyle(e).backgroundColor; e = e.parentElement; } while (ground.endsWith(', 0)'));"
        "return [ink, ground]",
        selector,
        property,
    )
    light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_it_can_be_read_and_used_in_light_and_dark_at_a_desk_and_on_a_phone(browser, scheme, size):
    browser.view(*size, scheme)
    browser.load()
    background = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (luminance(background) > 0.8) if scheme == "light" else (luminance(background) < 0.05)
    narrow = size[0] == 390
    assert browser.find("sort").is_displayed() != narrow
    if narrow:
        browser.find("toggle-controls").click()
        assert browser.find("sort").is_displayed()
    for selector in ("h1", "#counts", "#status", "summary", ".caption span", ".rank", "#choose", "#controls label"):
        assert contrast(browser, selector) >= 4.5, selector
    assert browser.run("return document.documentElement.scrollWidth") <= size[0]
    # Whole pixels on the screen for a pixel of the image, three times as large or more, and full rows.
    width, columns = browser.run("return [grid.width, grid.columns]")
    assert width % 32 == 0 and width >= 64 and columns * width > 0.7 * (size[0] - 64)
    assert browser.run("return getComputedStyle(document.querySelector('.tile canvas')).imageRendering") == "pixelated"
    if narrow:
        browser.find("toggle-controls").click()
    browser.tile(0).click()
    for selector in ("#candidate-name", "h3", "#scores td", "#scores .belief th", "#origin dt", "figcaption span"):
        assert contrast(browser, selector) >= 4.5, selector
    left, right, inside = browser.run(
        "const d = document.querySelector('#candidate'), b = d.getBoundingClientRect();"
        "return [b.left, b.right, d.scrollWidth - d.clientWidth]"
    )
    assert left >= 0 and right <= size[0] and inside <= 0
    browser.press("f")
    browser.find("choose-this").click()
    assert browser.find("download").is_displayed() and contrast(browser, "#choice-text") >= 4.5


def test_ten_thousand_candidates_are_as_quick_to_look_at(driver, tmp_path):
    count = 10000
    records = make_records(count)
    images = numpy.tile(sprites.pegasi(500, 1), (20, 1, 1, 1))
    images[:, 0, 0] = numpy.stack([numpy.arange(count) % 256, numpy.arange(count) // 256, numpy.zeros(count)], axis=1)
    write_gallery(tmp_path / "large.html", images, records, {}, "Pegasi")
    browser = GalleryBrowser(driver, tmp_path / "large.html")
    started = time.perf_counter()
    browser.load()
    loaded = time.perf_counter() - started
    assert browser.run("return document.querySelectorAll('.tile').length") < 300
    milliseconds = browser.run(
        "const start = performance.now(); const sort = document.getElementById('sort');"
        "sort.value = 'scores.overall'; sort.dispatchEvent(new Event('change')); return performance.now() - start"
    )
    order = by_score(records, "scores", "overall")[0]
    browser.run("grid.focus(9999)")
    assert browser.tiles()[-1] == order[-1]
    numpy.testing.assert_array_equal(browser.pixels('[data-position="9999"] canvas'), images[order[-1]])
    assert browser.run("return document.querySelectorAll('.tile').length") < 300
    browser.run("window.scrollTo(0, document.body.scrollHeight / 2)")
    browser.wait(
        lambda: any(
            4000 < position < 6000
            for position in browser.run(
                "return [...document.querySelectorAll('.tile')].map(tile => Number(tile.dataset.position))"
            )
        )
    )
    print(f"10,000 candidates: shown after {loaded:.1f} s, sorted in {milliseconds:.0f} ms")
    # Generous: on two idle cores it is a few seconds and some tens of milliseconds.
    assert loaded < 60 and milliseconds < 3000
