"""The documents of a backup: every file that the record of the very snapshot names, and no other.

Only where they lie in a folder of this machine: a store with an address (LUOCHUI_FILES) keeps its own copies.
"""

import re
import tarfile
from pathlib import Path
from typing import Final

import psycopg

from luochui.services.faults import Repairable
from luochui.settings import Settings
from office.files import KEPT
from signing.sm3 import sm3

NAMED: Final = "SELECT DISTINCT digest FROM sale_versions ORDER BY digest"
_MEMBER: Final = re.compile(rf"{KEPT}/[0-9a-f]{{2}}/([0-9a-f]{{64}})")


class DocumentLost(Repairable):
    """A document that the record names is not there, or is not what was kept."""


def pack(connection: psycopg.Connection, settings: Settings, target: Path) -> bool:
    """Write them into one archive. False: there are none to write."""
    folder, names = settings.kept_files(), _named(connection)
    if not names or not isinstance(folder, Path):
        return False
    with tarfile.open(target, mode="x") as archive:
        for name in names:
            path = folder / KEPT / name[:2] / name
            _check(path, name)
            archive.add(path, arcname=f"{KEPT}/{name[:2]}/{name}")
    return True


def unpack(archive: Path, connection: psycopg.Connection, settings: Settings) -> int:
    """Put them back and compare each with its name. Returns how many. Raises DocumentLost."""
    folder = settings.kept_files()
    if not isinstance(folder, Path):
        return 0
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tarfile.open(archive) as packed:
        if not all(_MEMBER.fullmatch(member.name) and member.isfile() for member in packed):
            raise DocumentLost(f"{archive} holds other things than documents.")
        packed.extractall(folder, filter="data")
    names = _named(connection)
    for name in names:
        _check(folder / KEPT / name[:2] / name, name)
    return len(names)


def _named(connection: psycopg.Connection) -> list[str]:
    if connection.execute("SELECT to_regclass('sale_versions')").fetchone() == (None,):
        return []
    return [str(digest) for (digest,) in connection.execute(NAMED)]


def _check(path: Path, name: str) -> None:
    if not path.is_file():
        raise DocumentLost(f"The document {path} is missing.")
    if sm3(path.read_bytes()).hex() != name:
        raise DocumentLost(f"The document {path} was changed: its SM3 is not its name.")
