"""Files that are kept for good: atomic, bounded, never given out changed."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from office import files as module
from office.files import FileDamaged, FileMissing, Files, FileTooLarge
from signing.sm3 import sm3


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files.at(tmp_path / "files", digest=sm3)


async def test_what_is_kept_is_found_under_its_digest(files: Files) -> None:
    kept = await files.keep(b"a confirmation")
    assert (kept.name, kept.size) == (sm3(b"a confirmation").hex(), 14)
    assert await files.read(kept.name) == b"a confirmation"


async def test_keeping_twice_and_at_once_is_keeping_once(files: Files, tmp_path: Path) -> None:
    kept = await asyncio.gather(*(files.keep(b"x" * 100_000) for _ in range(20)))
    assert len(set(kept)) == 1
    assert len([path for path in (tmp_path / "files").rglob("*") if path.is_file()]) == 1


async def test_a_file_that_changed_on_the_disk_is_not_given_out(files: Files, tmp_path: Path) -> None:
    kept = await files.keep(b"a confirmation")
    [path] = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    path.write_bytes(b"b confirmation")
    with pytest.raises(FileDamaged):
        await files.read(kept.name)
    with pytest.raises(FileDamaged):
        await files.keep(b"a confirmation")


async def test_too_large_is_refused_and_leaves_nothing(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 10)
    with pytest.raises(FileTooLarge):
        await files.keep(b"x" * 11)
    with pytest.raises(FileTooLarge):
        await files.lay_down("p" * 20, b"x" * 11)
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["", "0" * 64, "../../etc/passwd", "0" * 63 + "/", "A" * 64])
async def test_a_name_that_is_none_finds_nothing(files: Files, name: str) -> None:
    with pytest.raises(FileMissing):
        await files.read(name)


async def test_passing_files_go_when_they_are_old(files: Files) -> None:
    kept = await files.keep(b"for good")
    await files.lay_down("a-passing-file-01", b"soon fetched")
    assert await files.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert await files.pick_up("a-passing-file-01") == b"soon fetched"
    assert await files.sweep(datetime.now(UTC) + timedelta(seconds=5)) == 1
    with pytest.raises(FileMissing):
        await files.pick_up("a-passing-file-01")
    assert await files.read(kept.name) == b"for good"
    for odd in ("", "../kept/x-0123456789abcdef", "a/b" * 8):
        with pytest.raises(FileMissing):
            await files.pick_up(odd)
    await files.clear_away("a-passing-file-01")
