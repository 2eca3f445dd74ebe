"""Virtual UKeys: files in a folder, for demonstration, tests and training (docs/vukey.md).

    info = create("甲方", pin=Pin("…"), so_pin=random_so_pin(), folder=folder)
    station(folder).token("甲方").sign(…)
    unplug("甲方", folder); plug("甲方", folder)

The folder is the argument, else LUOCHUI_VUKEY_DIR, else `ukeys` in the data folder. A UKey is NAME.ukey;
NAME.unplugged beside it says that it lies in the drawer. A mark and not another folder: a program that is
writing to the token at that moment cannot bring it back by itself.
"""

import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signing.sm3 import sm3
from signing.token.port import (
    MAX_PIN,
    MIN_PIN,
    DeviceFault,
    NoToken,
    Pin,
    PinLength,
    SeveralTokens,
    TokenError,
    TokenExists,
    TokenInfo,
)
from signing.token.profiles import module_path as module_path
from signing.token.profiles import profile
from signing.token.station import SECONDS, Station

FOLDER_VARIABLE: Final = "LUOCHUI_VUKEY_DIR"
COST_VARIABLE: Final = "LUOCHUI_VUKEY_COST"
MAX_LABEL: Final = 32
"""Bytes in UTF-8, as PKCS#11 has it."""
MAX_TOKENS: Final = 32
ABANDONED_S: Final = 3_600

# The head of a file, as format.c writes it: what is needed to find a UKey that is not plugged in.
_MAGIC: Final = b"LCUKEY\0\1"
_SERIAL: Final = slice(17, 33)
_LABEL: Final = slice(33, 65)
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_SO_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class LabelError(TokenError):
    """A label that a token cannot have."""

    code = "label"
    text = f"a label has 1 to {MAX_LABEL} bytes (a Chinese character takes three), no blanks at its ends"


@dataclass(frozen=True, slots=True)
class VirtualUKey:
    """One file, plugged in or not."""

    label: str
    serial: str
    plugged: bool
    file: Path


def folder_of(folder: Path | None = None) -> Path:
    """The folder of virtual UKeys. The rule for the data folder is that of luochui.settings."""
    if folder is not None:
        return folder
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given)
    if data := os.environ.get("LUOCHUI_DATA"):
        return Path(data) / "ukeys"
    if os.geteuid() == 0:
        return Path("/var/lib/luochui/ukeys")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "luochui" / "ukeys"


def station(folder: Path | None = None, *, seconds: int = SECONDS) -> Station:
    """The station where the virtual UKeys of a folder are plugged in."""
    return Station(profile(), {FOLDER_VARIABLE: str(folder_of(folder).absolute())}, seconds)


def random_so_pin() -> Pin:
    """An authorization code: 16 characters that nobody confuses, 80 bits."""
    return Pin("".join(secrets.choice(_SO_ALPHABET) for _ in range(MAX_PIN)))


def create(
    label: str,
    *,
    pin: Pin,
    so_pin: Pin,
    folder: Path | None = None,
    delivered: bool = False,
    cost: int | None = None,
) -> TokenInfo:
    """A new UKey without a key. It appears whole or not at all.

    `delivered`: the PIN is for somebody else, who must change it first. `cost`: scrypt with N = 2**cost, 10
    to 18; the default of 16 takes 64 MiB and a good part of a second for each try.
    Raises TokenExists, LabelError, PinLength.
    """
    if not label or len(label.encode()) > MAX_LABEL or label != label.strip() or not label.isprintable():
        raise LabelError
    for each in (pin, so_pin):
        if not MIN_PIN <= len(each.reveal()) <= MAX_PIN:
            raise PinLength
    home = folder_of(folder)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_room(home, label)
    name = f"{_name_for(label)}.ukey"
    with _blank(home, name) as draft:
        environment = {FOLDER_VARIABLE: str(draft.parent)} | ({COST_VARIABLE: str(cost)} if cost else {})
        Station(profile(), environment).run(
            "initialize",
            {"label": label, "pin": pin.reveal(), "so_pin": so_pin.reveal(), "delivered": delivered},
        )
        try:
            os.link(draft, home / name)  # unlike rename it never replaces
        except FileExistsError:
            raise TokenExists(label) from None
    _sync(home)
    return station(home).token(label).info()


def ukeys(folder: Path | None = None) -> tuple[VirtualUKey, ...]:
    """All in the folder, by label, plugged in or not. Damaged files are called by their names."""
    found = [each for file in folder_of(folder).glob("*.ukey") if (each := _read(file))]
    return tuple(sorted(found, key=lambda each: (each.label, each.serial)))


def find(label: str, folder: Path | None = None) -> VirtualUKey:
    """The one with this label or serial number, plugged in or not. Raises NoToken or SeveralTokens."""
    found = [each for each in ukeys(folder) if label in (each.label, each.serial)]
    if not found:
        raise NoToken(f"there is no UKey {label} in {folder_of(folder)}")
    if len(found) > 1:
        raise SeveralTokens(tuple(each.serial for each in found))
    return found[0]


def unplug(label: str, folder: Path | None = None) -> None:
    """Pull it out: programs that use it are told that it was removed."""
    file = find(label, folder).file
    file.with_suffix(".unplugged").touch(mode=0o600)
    _sync(file.parent)


def plug(label: str, folder: Path | None = None) -> None:
    """Plug it in."""
    file = find(label, folder).file
    file.with_suffix(".unplugged").unlink(missing_ok=True)
    _sync(file.parent)


def delete(label: str, folder: Path | None = None) -> None:
    """Destroy it with its key, for good."""
    file = find(label, folder).file
    file.unlink()
    for ending in (".new", ".unplugged", ".lock"):
        file.with_suffix(ending).unlink(missing_ok=True)
    _sync(file.parent)


def _name_for(label: str) -> str:
    """One file name for each label: the label itself where it is plain."""
    return label if _PLAIN.fullmatch(label) else f"ukey-{sm3(label.encode())[:8].hex()}"


def _require_room(home: Path, label: str) -> None:
    present = ukeys(home)
    if any(each.label == label for each in present):
        raise TokenExists(label)
    if len(present) >= MAX_TOKENS:
        raise DeviceFault(f"{home} holds {MAX_TOKENS} UKeys, which is all that the module sees")


@contextmanager
def _blank(home: Path, name: str) -> Iterator[Path]:
    """An empty token file in a folder of its own inside `home`: on the same disk, seen by nobody."""
    for left in home.glob(".new-*"):  # by somebody who was killed
        if time.time() - left.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
    try:
        draft = staging / name
        draft.touch(mode=0o600, exist_ok=False)
        yield draft
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _read(file: Path) -> VirtualUKey | None:
    """None when it is no file, or none any more."""
    if not file.is_file():
        return None
    try:
        with file.open("rb") as opened:
            head = opened.read(_LABEL.stop)
    except FileNotFoundError:
        return None
    plugged = not file.with_suffix(".unplugged").exists()
    if len(head) < _LABEL.stop or not head.startswith(_MAGIC):
        return VirtualUKey(file.stem, "", plugged, file)
    label = head[_LABEL].decode("utf-8", "replace").rstrip()
    return VirtualUKey(label, head[_SERIAL].decode("ascii", "replace"), plugged, file)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
