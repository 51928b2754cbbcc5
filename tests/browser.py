"""What the tests of pages share: a headless Chromium, and what a person does to a page in it."""

import shutil

import pytest

selenium = pytest.importorskip("selenium", reason="needs selenium")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
NEEDS_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver (Debian: chromium, chromium-driver)"
    ),
]


def start_chromium():
    """Return the driver of a headless Chromium, which the caller has to quit."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))


class Browser:
    """A page in Chromium, with what the tests do to it."""

    def __init__(self, driver, page):
        self.driver, self.page = driver, page
        self.view(1280, 800, "light")

    def view(self, width, height, scheme, touch=False):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": touch})
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def load(self, address=""):
        # From an empty page, or a new address after the # would not load anything.
        self.driver.get("about:blank")
        self.driver.get(self.page.as_uri() + address)
        self.wait(lambda: self.run("return document.documentElement.hasAttribute('data-ready')"))
        return self

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition):
        WebDriverWait(self.driver, 60, 0.02).until(lambda _: condition())

    def find(self, name):
        return self.driver.find_element(By.ID, name)

    def text(self, name):
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)
