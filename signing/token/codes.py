"""Authorization codes (SO PINs) of UKeys: kept by who hands UKeys out, one file for each serial number.

A code is random for each UKey and typed by nobody: the platform sends it, encrypted, when a PIN is locked. So
it is kept and not printed: a terminal's history and a log are read by more people than a file with mode 0600.
"""

import os
import re
import secrets
from pathlib import Path
from typing import Final

from signing.token.port import Pin, TokenError

FOLDER: Final = "authorization-codes"
"""Beside the authority's keys."""
_SERIAL: Final = re.compile(r"[A-Za-z0-9]{1,32}")
_MAX: Final = 256


class NoCode(TokenError):
    """There is no code for this UKey here."""

    code = "no-code"


class CodeBook:
    """The codes in one folder. A code is written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, serial: str) -> Pin:
        """Raises NoCode."""
        try:
            with self._file(serial).open(encoding="ascii") as file:
                return Pin(file.read(_MAX).strip())
        except (OSError, UnicodeDecodeError):
            raise NoCode(f"there is no authorization code for the UKey {serial} in {self._folder}") from None

    def put(self, serial: str, code: Pin) -> None:
        """Keep it, in place of a former one. On disk when this returns."""
        file = self._file(serial)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="ascii") as opened:
            opened.write(f"{code.reveal()}\n")
            opened.flush()
            os.fsync(descriptor)
        draft.replace(file)

    def forget(self, serial: str) -> None:
        """The UKey is no more."""
        self._file(serial).unlink(missing_ok=True)

    def _file(self, serial: str) -> Path:
        if not _SERIAL.fullmatch(serial):
            raise NoCode(f"{serial!r} is no serial number")
        return self._folder / serial
