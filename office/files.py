"""Files that are kept for good, named by what is in them, and short-lived ones beside them.

    files = Files.at(folder_or_url, digest=sm3)
    kept = await files.keep(content)         # its name is the digest, in hex
    content = await files.read(kept.name)    # compared with its name: what changed is never given out

A folder, or any store that obstore opens by its URL (s3://…). Nothing under `kept/` is ever overwritten or
deleted here. The digest comes from outside: the office does not know the signatures.
"""

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, ObjectStore

LARGEST: Final = 32 << 20
KEPT: Final = "kept"
PASSING: Final = "passing"
_NAME: Final = re.compile(r"[0-9a-f]{64}")
_PASSING_NAME: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")

Digest = Callable[[bytes], bytes]


class FileFault(Exception):
    """A file that can't be kept or given out."""


class FileTooLarge(FileFault):
    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes; the limit is {LARGEST}")


class FileMissing(FileFault):
    """There is none of this name."""


class FileDamaged(FileFault):
    """What is stored is not what was kept: the name is the digest, and it differs."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is there for good; `name` is its digest in hex."""

    name: str
    size: int


class Files:
    """`folder`: where the store is on this machine, so that a kept file can be brought to the disk."""

    def __init__(self, store: ObjectStore, digest: Digest, *, folder: Path | None = None) -> None:
        self._store = store
        self._digest = digest
        self._folder = folder

    @classmethod
    def at(cls, where: str | Path, *, digest: Digest) -> "Files":
        """In a folder, which is made (0700), or in the store of a URL."""
        if isinstance(where, str) and "://" in where:
            return cls(obstore.store.from_url(where), digest)
        folder = Path(where)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(LocalStore(folder), digest, folder=folder)

    # for good

    async def keep(self, content: bytes) -> Kept:
        """Keep it; when it returns, it is there after a power failure too. A repetition changes nothing.

        Raises FileTooLarge.
        """
        if len(content) > LARGEST:
            raise FileTooLarge(len(content))
        name = self._digest(content).hex()
        try:
            await obstore.put_async(self._store, _path(name), content, mode="create")
        except AlreadyExistsError:
            await self.read(name)
        await self._to_disk(_path(name))
        return Kept(name, len(content))

    async def read(self, name: str) -> bytes:
        """Raises FileMissing or FileDamaged."""
        if not _NAME.fullmatch(name):
            raise FileMissing(name)
        content = await self._get(_path(name))
        if self._digest(content).hex() != name:
            raise FileDamaged(name)
        return content

    # for a while

    async def lay_down(self, name: str, content: bytes) -> None:
        """A file that somebody is to fetch soon. Raises FileTooLarge."""
        if not _PASSING_NAME.fullmatch(name):
            raise ValueError("not a name for a passing file")
        if len(content) > LARGEST:
            raise FileTooLarge(len(content))
        await obstore.put_async(self._store, f"{PASSING}/{name}", content)

    async def pick_up(self, name: str) -> bytes:
        """Raises FileMissing."""
        if not _PASSING_NAME.fullmatch(name):
            raise FileMissing(name)
        return await self._get(f"{PASSING}/{name}")

    async def clear_away(self, name: str) -> None:
        """A passing file that nobody needs any more; there may be none."""
        try:
            await obstore.delete_async(self._store, f"{PASSING}/{name}")
        except FileNotFoundError:
            return

    async def sweep(self, before: datetime) -> int:
        """Clear away passing files that are older. Returns how many."""
        found: list[str] = []
        async for batch in obstore.list(self._store, prefix=PASSING):
            found += [each["path"] for each in batch if each["last_modified"] < before]
        for path in found:
            await self.clear_away(path.removeprefix(f"{PASSING}/"))
        return len(found)

    async def _get(self, path: str) -> bytes:
        try:
            answer: Any = await obstore.get_async(self._store, path)
            if answer.meta["size"] > LARGEST:
                raise FileDamaged(path)
            return bytes(await answer.bytes_async())
        except FileNotFoundError as missing:
            raise FileMissing(path) from missing

    async def _to_disk(self, path: str) -> None:
        if self._folder is not None:
            await asyncio.to_thread(_sync, self._folder, self._folder / path)


def _path(name: str) -> str:
    return f"{KEPT}/{name[:2]}/{name}"


def _sync(top: Path, file: Path) -> None:
    """The file and the folders that lead to it."""
    for path in (file, *(folder for folder in file.parents if folder.is_relative_to(top))):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
