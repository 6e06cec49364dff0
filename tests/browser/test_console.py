"""The operator console in a real browser, against a ground service made of formulas."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from tests.browser.fake_ground import TOKEN, make_app
from tests.browser.fake_mission import Mission

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
api = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium at /usr/bin/chromium: install the package chromium"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
WAIT_MS = 12_000


class Service:
    """The fake ground service on one port, which a test can stop and start again."""

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.start()

    @property
    def address(self) -> str:
        """Return the console's address with the token in it."""
        return f"http://127.0.0.1:{self.port}/#token={TOKEN}"

    def start(self) -> None:
        """Serve from a thread of its own; return when connections are taken."""
        app = make_app(mission=self._mission)
        config = uvicorn.Config(app, "127.0.0.1", self.port, log_level="error", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the fake ground service did not start"
            time.sleep(0.02)  # a thread's start has no event to wait on

    def stop(self) -> None:
        """Stop serving and drop every connection."""
        self._server.should_exit = True
        self._thread.join(10.0)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    served = Service(Mission())
    yield served
    served.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: "Browser", service: Service) -> Iterator["Page"]:
    """A page on the fleet screen; afterwards no error may stand in the browser's console."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    said: list[str] = []
    opened.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(service.address)
    opened.wait_for_selector("body[data-link=live]")
    yield opened
    context.close()
    assert [line for line in said if "ERR_CONNECTION_REFUSED" not in line] == []


def go(page: "Page", route: str) -> None:
    page.evaluate("route => { location.hash = route }", route)


def test_fleet_shows_every_node_with_units(page: "Page") -> None:
    page.wait_for_selector("tr[data-node=node-d]")

    texts = page.locator("tbody tr").all_inner_texts()

    assert len(texts) == 4
    for text in texts:
        for unit in ("%", "kWh", "kW", "°C"):
            assert unit in text
    assert page.locator("tr[data-node=node-d] [data-lost]").first.inner_text().startswith("—")
    assert "token" not in page.url


def test_clock_runs_between_messages_and_says_its_rate(page: "Page") -> None:
    before = page.inner_text(".clock-time")

    api.expect(page.locator(".clock-time")).not_to_have_text(before)
    assert page.inner_text(".rate") == "60 ×"


def test_strip_draws_history_modes_and_forecast(page: "Page") -> None:
    go(page, "#/node/node-a")

    api.expect(page.locator(".track-line .track-value").first).to_have_text(re.compile(r"\d.kW"))

    drawn = """() => [...document.querySelectorAll('.strip-canvas, .strip canvas')].map((canvas) => {
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return pixels.some((value, i) => i % 4 === 3 && value > 0);
    })"""
    assert page.evaluate(drawn) == [True, True, True, True]
    box = page.locator(".strip-stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 100)
    page.wait_for_selector(".strip-cross:not([hidden])")
    notes = page.locator(".track-note").all_inner_texts()
    assert notes[1] in {"NOMINAL", "ECLIPSE", "BOOST", "SURVIVAL"}


def test_telecommand_is_armed_sent_and_seen_to_complete(page: "Page") -> None:
    go(page, "#/node/node-b")
    page.wait_for_selector("#command option[value=enter_safe]", state="attached")
    page.select_option("#command", "enter_safe")

    page.click("button.primary")
    assert page.inner_text("button.primary").startswith("Send enter_safe now")
    assert page.locator(".tc").count() == 0
    page.click("button.primary")

    page.wait_for_selector(".tc[data-stage=COMPLETED]")
    assert page.locator(".tc .step[data-state=done]").count() == 5


def test_failed_telecommand_says_why(page: "Page") -> None:
    go(page, "#/node/node-c")
    page.wait_for_selector("#command option[value=leave_safe]", state="attached")
    page.select_option("#command", "leave_safe")

    page.click("button.primary")
    page.click("button.primary")

    page.wait_for_selector(".tc[data-stage=FAILED]")
    assert "Mode not allowed" in page.inner_text(".tc-detail")


def test_job_board_shows_hold_reason_with_advice_and_opens_a_job(page: "Page") -> None:
    page.keyboard.press("2")
    page.wait_for_selector("[data-column=waiting] [data-job=fold-proteins-04]")

    held = page.inner_text("[data-job=fold-proteins-04]")
    page.click("[data-job=train-digits-01]")

    assert "Bundle missing" in held
    assert "It starts when the bundle is whole." in held
    page.wait_for_selector(".drawer .life >> nth=3")
    api.expect(page.locator(".drawer .log")).to_contain_text("loss")
    page.keyboard.press("Escape")
    page.wait_for_selector(".drawer", state="detached")


def test_events_filter_and_hold_still(page: "Page") -> None:
    page.keyboard.press("3")
    page.wait_for_selector(".event[data-severity=HIGH]")

    for name in ("Info", "Low", "Medium"):
        page.click(f".toggles >> text={name}")
    api.expect(page.locator(".event[data-severity]:not([data-severity=HIGH])")).to_have_count(0)
    page.keyboard.press("p")

    page.wait_for_selector(".event-list[data-held]")
    assert "Follow" in page.inner_text("button[aria-pressed=true].button")


def test_wrong_token_asks_again(browser: "Browser", service: Service) -> None:
    page = browser.new_page()
    page.goto(service.address.replace(TOKEN, "wrong"))

    page.wait_for_selector("form.gate", timeout=WAIT_MS)
    page.fill("#token", TOKEN)
    page.click("text=Open >> nth=-1")

    page.wait_for_selector("tr[data-node=node-a]", timeout=WAIT_MS)
    assert page.locator("form.gate").count() == 0
    page.close()


def test_loss_of_the_service_shows_stale_then_recovers(page: "Page", service: Service) -> None:
    page.wait_for_selector("tr[data-node=node-a]")

    service.stop()
    page.wait_for_selector("body[data-link=reconnecting]")
    notice = page.inner_text("#notice")
    api.expect(page.locator("#main")).to_have_css("opacity", "0.5")
    service.start()

    assert "cannot be reached" in notice
    page.wait_for_selector("body[data-link=live]")
    api.expect(page.locator("#main")).to_have_css("opacity", "1")
    assert page.locator("#notice").is_hidden()
