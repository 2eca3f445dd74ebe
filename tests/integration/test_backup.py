"""Backup and restore: what the snapshot saw is there afterwards, and a changed byte is found."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from luochui.operations import backup, demonstration, manifest, restore
from luochui.operations.manifest import DOCUMENTS, DUMP, BrokenBackup
from luochui.services import running
from luochui.services.folder import FolderUnusable
from luochui.settings import Settings


@pytest.fixture
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="luochui-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def filled(postgres_url: str, postgres_admin_url: str, valkey: str, place: Path) -> Iterator[Settings]:
    """A database of its own with something in it."""
    name = "backed_up"
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER luochui")
    url = postgres_url.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TABLE entries AS SELECT n, md5(n::text) AS hash FROM generate_series(1, 500) n"
        )
        connection.execute("CREATE TABLE names AS SELECT '竞买人' AS name")
        demonstration.mark(connection)
    yield Settings(data=place / "source", database_url=SecretStr(url), redis_url=SecretStr(valkey))
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def target_settings(place: Path) -> Settings:
    return Settings(data=place / "target")


def test_a_restored_backup_has_every_row(filled: Settings, place: Path) -> None:
    made = backup.make(filled, place / "copy")
    assert made.manifest.tables == {"entries": 500, "names": 1}
    with psycopg.connect(filled.required_database_url()) as connection:
        connection.execute("DELETE FROM entries")  # afterwards: not in the backup
    report = restore.restore(target_settings(place), made.folder)
    assert "501 rows in 2 tables" in report.lines[0]
    with (
        running.servers(target_settings(place)) as found,
        psycopg.connect(found.required_database_url()) as connection,
    ):
        rows = connection.execute("SELECT count(*), min(hash) FROM entries").fetchone()
        name = connection.execute("SELECT name FROM names").fetchone()
        assert rows is not None
        assert rows[0] == 500
        assert name == ("竞买人",)
        assert demonstration.is_marked(connection)


def test_one_changed_byte_is_found_before_anything_is_restored(filled: Settings, place: Path) -> None:
    made = backup.make(filled, place / "copy")
    content = bytearray((made.folder / DUMP).read_bytes())
    content[len(content) // 2] ^= 1
    (made.folder / DUMP).write_bytes(content)
    with pytest.raises(BrokenBackup, match="SHA-256"):
        restore.restore(target_settings(place), made.folder)
    assert not (place / "target").exists()


def test_a_missing_row_is_found(filled: Settings, place: Path) -> None:
    made = backup.make(filled, place / "copy")
    raw = json.loads((made.folder / manifest.FILE).read_text())
    raw["tables"]["entries"] = 501
    (made.folder / manifest.FILE).write_text(json.dumps(raw))
    with pytest.raises(BrokenBackup, match="entries"):
        restore.restore(target_settings(place), made.folder)
    with pytest.raises(FolderUnusable, match="did not finish"), running.servers(target_settings(place)):
        pass


def test_a_restore_writes_over_nothing(filled: Settings, place: Path) -> None:
    made = backup.make(filled, place / "copy")
    (place / "target").mkdir()
    (place / "target" / "something").touch()
    with pytest.raises(restore.NotEmpty):
        restore.restore(target_settings(place), made.folder)
    with pytest.raises(restore.NotEmpty):
        restore.restore(filled, made.folder)


def test_a_backup_writes_over_nothing(filled: Settings, place: Path) -> None:
    backup.make(filled, place / "copy")
    with pytest.raises(backup.NoTarget, match="exists already"):
        backup.make(filled, place / "copy")


def test_keys_are_left_out_unless_asked_for(filled: Settings, place: Path) -> None:
    filled.keys.mkdir(parents=True, mode=0o700)
    (filled.keys / "platform.key").write_text("private")
    without = backup.make(filled, place / "without")
    assert set(without.manifest.files) == {DUMP, DOCUMENTS}
    withs = backup.make(filled, place / "with", with_keys=True)
    assert (withs.folder / manifest.KEYS).stat().st_mode & 0o077 == 0
    restore.restore(target_settings(place), withs.folder)
    assert (target_settings(place).keys / "platform.key").read_text() == "private"
    assert target_settings(place).keys.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_no_backup_is_refused(place: Path) -> None:
    with pytest.raises(BrokenBackup, match="no backup"):
        restore.restore(target_settings(place), place)
