"""The panel's page as a person uses it, in a headless Chromium, by keyboard alone; skipped without one."""

import base64
import io
import json
import time

import numpy
import pytest
from browser import NEEDS_CHROMIUM, Browser, start_chromium
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from coursework.data import sprites
from coursework.pegasus.panel import Source, image_id, write_panel
from coursework.pegasus.panel_answers import read_answers, read_key, table_panel

pytestmark = NEEDS_CHROMIUM

COUNT = 8
SECRETS = ("covert", "concealed", "secret-")


class PanelBrowser(Browser):
    """The page in Chromium, with what the tests do to it."""

    def __init__(self, driver, page, downloads):
        super().__init__(driver, page)
        self.downloads = downloads

    def focus(self):
        """Return the name of the question, or the id of the button, that has the focus."""
        return self.run("return document.activeElement.name || document.activeElement.id")

    def given(self, name):
        """Return the rating chosen for a question, None for none."""
        value = self.run("return document.querySelector(`[name=${arguments[0]}]:checked`)?.value", name)
        return None if value is None else int(value)

    def image(self):
        """Return the picture (h, w, 3) shown."""
        url = self.run("return document.getElementById('image').toDataURL()")
        return numpy.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))

    def saved(self):
        """Return the one file that was downloaded, as soon as it is whole."""
        for _ in range(500):
            files = list(self.downloads.iterdir())
            if len(files) == 1 and files[0].suffix == ".json":
                return files[0]
            time.sleep(0.02)
        raise AssertionError(f"found {files} in the folder of downloads")


@pytest.fixture(scope="module")
def driver():
    driver = start_chromium()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    """Path of a page and of its key."""
    folder = tmp_path_factory.mktemp("panel")
    images = numpy.concatenate([sprites.pegasi(COUNT // 2, 1), sprites.render("horse", COUNT // 2, 2)])
    names = [f"secret-{index}.png" for index in range(COUNT)]
    half = COUNT // 2
    sources = [Source("covert", images[:half], tuple(names[:half])), Source("concealed", images[half:], names[half:])]
    assert write_panel(folder / "the panel.html", folder / "key.json", sources, 0) == COUNT
    return folder / "the panel.html", folder / "key.json"


@pytest.fixture
def browser(driver, panel, tmp_path):
    """The page, freshly opened, with nothing remembered; nothing may have gone wrong in it at the end."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    browser = PanelBrowser(driver, panel[0], downloads).load()
    browser.run("localStorage.clear()")
    driver.get_log("browser")
    yield browser.load()
    assert driver.get_log("browser") == []
    assert browser.run("return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:'))") == []


def rating_of(place):
    """Return the keys and the values of the ratings that the tests give to the image at a place."""
    winged, real = (place * 3 + 10) % 11, (place + 1) % 11
    return list(str(winged)), list(str(real)), winged, real


def rate(browser, places):
    for place in places:
        winged_keys, real_keys, _, _ = rating_of(place)
        browser.press(*f"thing {place}", Keys.ENTER, *winged_keys, Keys.ENTER, *real_keys, Keys.ENTER)


def test_all_is_rated_and_saved_by_keyboard_alone(browser, panel):
    shown = []
    for place in range(COUNT):
        assert browser.text("place") == f"Image {place + 1} of {COUNT}" and browser.focus() == "name"
        shown.append(image_id(browser.image()))
        rate(browser, [place])
    assert browser.text("place") == f"{COUNT} images rated" and browser.find("done").is_displayed()
    assert not browser.find("questions").is_displayed() and browser.focus() == "save"
    assert browser.run("return [progress.value, progress.max]") == [COUNT, COUNT]
    browser.press(Keys.ENTER)
    file = browser.saved()
    content = json.loads(file.read_text(encoding="utf-8"))
    key = json.loads(panel[1].read_text())
    assert set(content) == {"version", "panel", "person", "answers"} and content["panel"] == key["panel"]
    assert content["answers"] == [
        {"image": mark, "name": f"thing {place}", "winged": rating_of(place)[2], "real": rating_of(place)[3]}
        for place, mark in enumerate(shown)
    ]
    # Both 0 and 10 are among them.
    assert {0, 10} <= {answer["winged"] for answer in content["answers"]}
    assert file.name == f"panel-answers-{content['person'][:8]}.json"
    assert browser.text("saved") == f"{COUNT} answers saved as {file.name}."
    # The package reads them, and finds each image's source by the key.
    table = table_panel(read_key(panel[1]), read_answers([file], read_key(panel[1])))
    origin = {entry["id"]: entry["source"] for entry in key["images"]}
    for row in table["sources"]:
        ratings = [rating_of(place)[2] for place, mark in enumerate(shown) if origin[mark] == row["source"]]
        assert row["ratings"] == COUNT // 2 and row["winged"]["mean"] == pytest.approx(numpy.mean(ratings))


def test_answers_survive_a_reload_and_what_is_half_rated_is_not_saved(browser):
    rate(browser, range(3))
    browser.press(*"half", Keys.ENTER, "7")
    before = browser.image()
    browser.load()
    assert browser.text("place") == f"Image 4 of {COUNT}" and browser.run("return progress.value") == 3
    numpy.testing.assert_array_equal(browser.image(), before)
    assert browser.find("name").get_property("value") == "half"
    assert (browser.given("winged"), browser.given("real")) == (7, None)
    browser.find("save").click()
    content = json.loads(browser.saved().read_text())
    assert [answer["name"] for answer in content["answers"]] == ["thing 0", "thing 1", "thing 2"]
    person = content["person"]
    assert browser.run("return session.person") == person
    # The next person begins with nothing, under another identity.
    browser.find("restart").click()
    browser.driver.switch_to.alert.dismiss()
    assert browser.run("return progress.value") == 3
    browser.find("restart").click()
    browser.driver.switch_to.alert.accept()
    assert browser.text("place") == f"Image 1 of {COUNT}" and browser.find("name").get_property("value") == ""
    assert browser.load().run("return session.person") != person
    assert not browser.find("save").is_enabled()


def test_arrows_go_back_to_change_an_answer_and_pass_no_unrated_image(browser):
    rate(browser, range(3))
    # From an empty text; from a rating at once.
    browser.press(Keys.ARROW_LEFT)
    assert browser.text("place") == f"Image 3 of {COUNT}" and browser.focus() == "real"
    browser.press(Keys.ARROW_LEFT)
    assert browser.text("place") == f"Image 2 of {COUNT}"
    assert (browser.given("winged"), browser.given("real")) == rating_of(1)[2:]
    assert browser.find("name").get_property("value") == "thing 1"
    browser.press("9")
    browser.press(Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert browser.given("real") == 9
    browser.press(*"10")
    assert browser.given("real") == 10
    # A 1 and a later 0 make no 10.
    browser.press("1", Keys.ARROW_RIGHT, Keys.ARROW_LEFT, "0")
    assert browser.given("real") == 0
    browser.press("5", Keys.ARROW_DOWN)
    assert browser.given("real") == 6
    browser.press(Keys.ARROW_LEFT)
    assert (
        browser.text("place") == f"Image 1 of {COUNT}"
        and not browser.run("return form.querySelector('.back')").is_enabled()
    )
    browser.press(*[Keys.ARROW_LEFT, *[Keys.ARROW_RIGHT] * 6])
    assert browser.text("place") == f"Image 4 of {COUNT}"
    # In a text that has letters the arrows move the caret.
    browser.press(*"hrse", *[Keys.ARROW_LEFT] * 3, "o")
    assert browser.find("name").get_property("value") == "horse" and browser.text("place") == f"Image 4 of {COUNT}"
    # Nothing goes on without both ratings.
    browser.press(Keys.ENTER, Keys.ENTER)
    assert browser.text("hint") == "Choose a number from 0 to 10." and browser.focus() == "winged"
    browser.press("3", Keys.ENTER, Keys.ENTER)
    assert browser.focus() == "real" and browser.text("place") == f"Image 4 of {COUNT}"
    browser.press("3", Keys.ENTER)
    assert browser.text("place") == f"Image 5 of {COUNT}" and browser.text("hint") == ""
    # From the end, too.
    rate(browser, range(4, COUNT))
    assert browser.find("done").is_displayed()
    browser.press(Keys.ARROW_LEFT)
    assert browser.text("place") == f"Image {COUNT} of {COUNT}" and browser.find("questions").is_displayed()


def test_nothing_on_the_page_tells_the_source(browser):
    for _ in range(COUNT):
        page = browser.run("return document.documentElement.outerHTML")
        assert not any(secret in page for secret in SECRETS)
        labels = browser.run(
            "return [...document.querySelectorAll('[alt], [title], [aria-label]')]"
            ".flatMap(e => [e.alt, e.title, e.ariaLabel]).filter(Boolean)"
        )
        assert set(labels) == {"Images rated", "The image to name and rate"}
        rate(browser, [0])
    data = browser.run("return data")
    assert set(data) == {"fingerprint", "height", "width", "perSheet", "images"}
    assert sorted(data["images"]) == sorted(set(data["images"])) and len(data["images"]) == COUNT


def test_what_the_browser_kept_from_elsewhere_begins_anew(browser):
    for text in ("{", "null", "3", '{"person": "x", "answers": {}}', '{"person": "' + "0" * 32 + '"}'):
        browser.run("localStorage.setItem(storageKey, arguments[0])", text)
        assert browser.load().text("place") == f"Image 1 of {COUNT}"
        assert browser.run("return /^[0-9a-f]{32}$/.test(session.person) && session.person !== '0'.repeat(32)")


def luminance(color):
    """Return the relative luminance of a CSS colour "rgb(r, g, b)" (WCAG 2)."""
    values = numpy.array([int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3]]) / 255
    return float(
        numpy.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    )


def contrast(browser, selector):
    """Return the contrast of an element's text with the nearest background behind it."""
    colors = browser.run(
        "let e = document.querySelector(arguments[0]); const ink = getComputedStyle(e).color; let ground;"
        "do { ground = getComputedStyle(e).backgroundColor; e = e.parentElement; } while (ground.endsWith(', 0)'));"
        "return [ink, ground]",
        selector,
    )
    light, dark = sorted(map(luminance, colors), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_it_can_be_read_and_used_in_light_and_dark_at_a_desk_and_on_a_phone(browser, scheme, size):
    phone = size[0] == 390
    browser.view(*size, scheme, touch=phone)
    browser.load()
    background = luminance(browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert background > 0.8 if scheme == "light" else background < 0.05
    for place in range(COUNT):
        winged, real = rating_of(place)[2:]
        # On a phone nothing opens the keyboard over the image by itself.
        assert (browser.focus() == "name") != phone
        for name, value in (("winged", winged), ("real", real)):
            browser.driver.find_element(By.CSS_SELECTOR, f'[name="{name}"][value="{value}"]').click()
        if place == 0:
            for selector in ("h1", "header p", "#place", "legend", ".scale span", ".ends", ":checked + span", "#next"):
                assert contrast(browser, selector) >= 4.5, selector
            assert browser.run("return document.documentElement.scrollWidth") <= size[0]
            # A finger needs 44 pixels each way; the image is 256 wide and smooth.
            width, height = browser.run(
                "const b = document.querySelector('.scale label').getBoundingClientRect(); return [b.width, b.height]"
            )
            assert height >= 44 and (width >= 44 if phone else width >= 32)
            assert browser.run(
                "const i = document.getElementById('image');"
                "return [i.getBoundingClientRect().width, getComputedStyle(i).imageRendering]"
            ) == [256, "auto"]
        browser.find("next").click()
    assert browser.find("done").is_displayed() and contrast(browser, "#save") >= 4.5
    browser.find("save").click()
    answers = json.loads(browser.saved().read_text())["answers"]
    assert [(answer["winged"], answer["real"]) for answer in answers] == [
        rating_of(place)[2:] for place in range(COUNT)
    ]
    assert {answer["name"] for answer in answers} == {""}
