"""What a backup consists of, and how it is told that nothing of it changed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from luochui.services.faults import Repairable

FILE = "manifest.json"
FORMAT = 2
DUMP = "database.dump"
KEYS = "keys.tar"
DOCUMENTS = "documents.tar"
AUTHORITY = "authority.tar"
NEEDED = {1: frozenset({DUMP}), 2: frozenset({DUMP, DOCUMENTS})}
ALLOWED = {1: frozenset({DUMP, KEYS, DOCUMENTS}), 2: frozenset({DUMP, DOCUMENTS, AUTHORITY, KEYS})}
"""By format. Most backups of format 1 have no documents, and none has anything of the authority."""
CHUNK = 1024 * 1024


class BrokenBackup(Repairable):
    """A backup is incomplete or was changed."""


@dataclass(frozen=True)
class Piece:
    """One file of a backup. Size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The backup's own description. `tables` counts the rows in the dump's very snapshot.

    `documents` counts the files in the archive of documents; None: nobody counted (format 1).
    """

    made_at: str
    taken_at_ms: int
    version: str
    schema: str | None
    demo: bool
    tables: Mapping[str, int]
    files: Mapping[str, Piece]
    documents: int | None = None
    format: int = FORMAT

    @property
    def rows(self) -> int:
        return sum(self.tables.values())

    @property
    def size(self) -> int:
        return sum(piece.size for piece in self.files.values())

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2, sort_keys=True)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")


def measure(path: Path) -> Piece:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
            size += len(block)
    return Piece(digest.hexdigest(), size)


def read(folder: Path) -> Manifest:
    """Parse and check the shape; raises BrokenBackup."""
    try:
        raw = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if raw["format"] not in NEEDED:
            raise BrokenBackup(f"{folder} has format {raw['format']}; this version reads up to {FORMAT}.")
        raw["files"] = {str(name): Piece(**piece) for name, piece in raw["files"].items()}
        manifest = Manifest(**raw)
    except FileNotFoundError:
        raise BrokenBackup(f"{folder} is no backup: it has no {FILE}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenBackup(f"{folder / FILE} cannot be read: {error}.") from error
    if not NEEDED[manifest.format] <= set(manifest.files) <= ALLOWED[manifest.format]:
        raise BrokenBackup(f"{folder / FILE} names other files than a backup has.")
    return manifest


def verify(folder: Path) -> Manifest:
    """Read every byte again; raises BrokenBackup with the file that differs."""
    manifest = read(folder)
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise BrokenBackup(f"{path} is missing.")
        if measure(path) != expected:
            raise BrokenBackup(f"{path} is not what was written: its SHA-256 or size differs.")
    return manifest
