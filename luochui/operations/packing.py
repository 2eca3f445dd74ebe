"""Several files in one: tar archives that only their owner reads, written and read in a stream."""

import io
import os
import stat
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

from luochui.operations.manifest import BrokenBackup

CHUNK: Final = 1024 * 1024
PRIVATE: Final = 0o600


class Pack:
    """An archive that is being written. Its memory does not grow with what is in it."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def add(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(content), PRIVATE, int(time.time())
        self._put(info, io.BytesIO(content))

    def add_file(self, path: Path, name: str) -> None:
        """One file as it is now. What is no file, or is gone by now, is left out."""
        try:
            opened = path.open("rb")
        except (FileNotFoundError, IsADirectoryError):
            return
        with opened as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                self._put(self._archive.gettarinfo(arcname=name, fileobj=file), file)

    def add_folder(self, folder: Path, name: str) -> None:
        """The files of a folder and of those below it; drafts, which begin with a dot, are left out."""
        for top, _folders, files in os.walk(folder):
            below = PurePosixPath(name, Path(top).relative_to(folder))
            for file in sorted(files):
                if not file.startswith("."):
                    self.add_file(Path(top, file), str(below / file))

    def _put(self, info: tarfile.TarInfo, content: IO[bytes]) -> None:
        self._archive.addfile(info, content)
        self._archive.members.clear()  # type: ignore[attr-defined]  # else it remembers every file


@contextmanager
def packing(target: Path) -> Iterator[Pack]:
    """A new archive (0600), on disk at the end of the block."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            yield Pack(archive)
        file.flush()
        os.fsync(file.fileno())


def packed(archive: Path, *, largest: int) -> Iterator[tuple[str, bytes]]:
    """Each file of an archive, one at a time; folders are passed over. Raises BrokenBackup."""
    for info, content in _members(archive):
        if info.size > largest:
            raise BrokenBackup(f"{archive}: {info.name} is larger than anything that is put there.")
        yield info.name, content.read()


def unpack(archive: Path, into: Path, belongs: Callable[[PurePosixPath], bool]) -> None:
    """Write the files of an archive below `into`, in folders of their own (0700).

    Nothing is written over. Raises BrokenBackup for a name that does not belong there.
    """
    for info, content in _members(archive):
        name = PurePosixPath(info.name)
        if name.is_absolute() or ".." in name.parts or not belongs(name):
            raise BrokenBackup(f"{archive} holds {info.name!r}, which does not belong there.")
        path = into / name
        _make_folders(path.parent)
        _write(path, content, info.mode & 0o644 | PRIVATE)


def sync_folder(folder: Path) -> None:
    """Names in the folder are on disk on return."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _members(archive: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    try:
        with tarfile.open(archive, mode="r:") as opened:
            while (info := opened.next()) is not None:
                opened.members.clear()  # type: ignore[attr-defined]
                if info.isdir():
                    continue
                content = opened.extractfile(info) if info.isreg() else None
                if content is None:
                    raise BrokenBackup(f"{archive}: {info.name!r} is no plain file.")
                yield info, content
    except tarfile.TarError as error:
        raise BrokenBackup(f"{archive} cannot be read: {error}.") from error


def _make_folders(folder: Path) -> None:
    for each in (*reversed(folder.parents), folder):
        each.mkdir(mode=0o700, exist_ok=True)


def _write(path: Path, content: IO[bytes], mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        while block := content.read(CHUNK):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
