"""A bidder's computer: its UKeys, the assistant that runs on it, and the browser beside it."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser.conftest import DESKTOP
from tests.faults.stage import PASSWORD

PIN = "602214"
PHRASE = "青山依旧在"


@dataclass(frozen=True)
class Computer:
    """Where the platform is, and the folder of the computer; its UKeys lie in `ukeys`."""

    address: str
    folder: Path
    assistant: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "LUOCHUI_ASSISTANT_DIR": str(self.folder / "assistant"),
            "LUOCHUI_ASSISTANT_PORT": str(self.assistant),
            "LUOCHUI_ASSISTANT_OPEN": "none",
            "LUOCHUI_ASSISTANT_DEMO": "1",
            "LUOCHUI_VUKEY_DIR": str(self.folder / "ukeys"),
            "LUOCHUI_DATA": str(self.folder / "nothing"),
        }


@contextmanager
def running_assistant(computer: Computer, code: str) -> Iterator[None]:
    """Started as a person starts it, paired by the code that the platform's page shows."""
    command = [sys.executable, "-m", "luochui", "assistant", "--quiet", "--pair", computer.address]
    process = subprocess.Popen(
        [*command, "--code", code, "--phrase", PHRASE],
        env=computer.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        assert any("/open/" in line for line in process.stdout), "the assistant did not start"
        timer.cancel()
        yield
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@dataclass
class Person:
    """A browser on that computer."""

    computer: Computer
    context: BrowserContext
    page: Page

    def go(self, path: str) -> Page:
        self.page.goto(self.computer.address + path)
        return self.page

    def flow(self, flow: str) -> None:
        """Press the button that asks for the UKey."""
        self.page.locator(f"#{flow} [data-part=start]").click()

    def window(self) -> Page:
        """The assistant's window, by the link of the page."""
        link = self.page.locator("[data-part=window]")
        link.wait_for(state="visible")
        window = self.context.new_page()
        window.goto(link.get_attribute("href") or "")
        expect(window.locator("main")).to_contain_text(PHRASE)
        return window

    def agree(self, pin: str = PIN) -> None:
        window = self.window()
        window.get_by_label("PIN", exact=True).fill(pin)
        window.locator("button[value=agree]").click()
        window.get_by_role("heading", name=re.compile("^已")).wait_for()
        window.close()

    def sign_in(self, login: str, target: str) -> None:
        self.go(f"/sign-in?with=ukey&next={target}")
        self.page.locator("#field-login").fill(login)
        self.flow("ukey-sign-in")
        self.agree()
        self.page.wait_for_url(self.computer.address + target)


def person(
    computer: Computer, browser: Browser, errors: list[str], size: tuple[int, int] = DESKTOP
) -> Person:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN")
    context.set_default_timeout(45_000)

    def heard(message: ConsoleMessage) -> None:
        # What the browser itself says of a cut socket, a refusal, an assistant that is not there.
        known = ("WebSocket", "status of 4", "ERR_CONNECTION_REFUSED")
        expected = any(word in message.text for word in known)
        if message.type == "error" and not expected:
            errors.append(f"{message.text} ({message.location})")

    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return Person(computer, context, page)


def by_password(who: Person, login: str) -> None:
    page = who.go("/sign-in")
    page.locator("#field-login").fill(login)
    page.locator("#field-password").fill(PASSWORD)
    page.get_by_role("button", name="用密码登录").click()
    page.wait_for_url(re.compile(r"/(my|administration)/"))


def let_in(who: Person) -> None:
    """As people do after pairing: from the assistant's home to the platform, which then may ask."""
    command = [sys.executable, "-m", "luochui", "assistant", "--quiet"]  # it runs: this asks it for a way in
    told = subprocess.run(
        command, env=who.computer.environment, capture_output=True, text=True, timeout=150, check=True
    )
    way = re.search(r"http://\S+/open/\S+", told.stdout)
    assert way, told.stdout
    who.page.goto(way[0])
    who.page.get_by_role("link", name="在此浏览器中打开平台").click()
    who.page.wait_for_url(lambda url: "#" not in url and url.startswith(who.computer.address))
    assert who.page.evaluate("localStorage.length") >= 1


def accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert not found, [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found]
