"""Shows a page of the assistant to the person.

The address holds a one-time secret, and other local users can read the arguments of every program. So the
program that shows it gets the name of a file that only the person can read, and the file leads on.
"""

import html
import secrets
import subprocess
import threading
import webbrowser
from pathlib import Path
from typing import Final

from signing.assistant.keeping import private_folder, write_private
from signing.assistant.settings import OPEN_IN_BROWSER, OPEN_NOTHING

LIVES_S: Final = 120.0
MAX_FILES: Final = 32

_PAGE: Final = (
    '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
    '<title>落槌助手</title><meta http-equiv="refresh" content="0;url={address}">'
    '<p><a href="{address}">打开助手 · Open the assistant</a></p>\n'
)


class Opening:
    """Opens addresses as the settings say."""

    def __init__(self, folder: Path, opens: str) -> None:
        self._folder = private_folder(folder / "open")
        self._opens = opens
        self._timers: list[threading.Timer] = []
        for left in self._folder.glob("*.html"):
            left.unlink(missing_ok=True)

    def show(self, address: str) -> None:
        """Show it, or do nothing where nothing is to be opened. Never fails: there are other ways in."""
        if self._opens == OPEN_NOTHING:
            return
        path = self._written(address)
        if self._opens == OPEN_IN_BROWSER:
            threading.Thread(target=_in_browser, args=(path.as_uri(),), daemon=True).start()
            return
        try:
            subprocess.Popen(
                [self._opens, path.as_uri()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return

    def close(self) -> None:
        """Leave no file behind."""
        for timer in self._timers:
            timer.cancel()
        for left in self._folder.glob("*.html"):
            left.unlink(missing_ok=True)

    def _written(self, address: str) -> Path:
        for old in sorted(self._folder.glob("*.html"), key=lambda path: path.stat().st_mtime)[:-MAX_FILES]:
            old.unlink(missing_ok=True)
        path = self._folder / f"{secrets.token_hex(12)}.html"
        write_private(path, _PAGE.format(address=html.escape(address)).encode())
        timer = threading.Timer(LIVES_S, path.unlink, kwargs={"missing_ok": True})
        timer.daemon = True
        timer.start()
        self._timers = [each for each in self._timers if each.is_alive()] + [timer]
        return path


def _in_browser(address: str) -> None:
    try:
        webbrowser.open(address, new=1)
    except webbrowser.Error:
        return
