"""A browser, and a whole platform for it. `house` runs once for all tests; `visit` opens pages."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from tests.browser.auction_house import House, open_house

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = (1280, 900)
PHONE = (390, 844)
PATIENT_MS = 45_000
"""What is awaited in a page comes at once, or the machine stands still."""
expect.set_options(timeout=PATIENT_MS)

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="luochui-browser-"))
    folder.chmod(0o711)
    try:
        with open_house(folder / "data") as opened:
            yield opened
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One for all files: a thread cannot hold two."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield launched
    launched.close()


@pytest.fixture
def visit(house: House, browser: Browser) -> Iterator[Visit]:
    """visit(path, as_="one", size=PHONE) opens a page in a browser of its own. An error in any page's console
    fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # What the browser itself says of a connection that a test cut, of a page that is not there, or of an
        # assistant that does not run.
        no_assistant = "ERR_CONNECTION_REFUSED" in message.text and "/v1/" in message.location["url"]
        expected = "WebSocket" in message.text or "status of 404" in message.text or no_assistant
        if message.type == "error" and not expected:
            errors.append(f"{message.text} ({message.location})")

    def open_page(path: str, as_: str = "", size: tuple[int, int] = DESKTOP, locale: str = "zh-CN") -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale=locale)
        context.set_default_timeout(PATIENT_MS)
        contexts.append(context)
        if as_:
            cookie = {"name": "luochui_session", "value": house.cookie(as_), "url": house.address}
            context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(house.address + path)
        return page

    yield open_page
    house.restore()
    for context in contexts:
        context.close()
    assert errors == []
