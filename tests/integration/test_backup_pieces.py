"""What lies beside the database in a backup: documents by their SM3, the authority, keys when asked for."""

import asyncio
import json
import shutil
import stat
import tarfile
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.trust import read_trust
from luochui.operations import authority, backup, documents, dumps, manifest, packing, restore
from luochui.operations.manifest import AUTHORITY, DOCUMENTS, DUMP, KEYS, BrokenBackup
from luochui.settings import Settings
from office.files import FileMissing, Files
from signing import SigningError
from signing.sm2 import PrivateKey
from signing.sm3 import sm3

CREDIT_CODE = "91430000MA4L000000"


@pytest.fixture
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="luochui-test-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def databases(postgres_url: str, postgres_admin_url: str) -> Iterator[tuple[str, str]]:
    """Two of our own: one to back up, which may name documents, and an empty one."""
    names = ("pieces_source", "pieces_target")
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER luochui").format(sql.Identifier(name)))
    source, target = (postgres_url.rpartition("/")[0] + f"/{name}" for name in names)
    with psycopg.connect(source) as connection:
        connection.execute("CREATE TABLE sale_documents (id int, number text)")
        connection.execute(
            "CREATE TABLE sale_versions (document_id int, kind text, version int, digest text)"
        )
    yield source, target
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def source(databases: tuple[str, str], valkey: str, place: Path) -> Settings:
    return Settings(data=place / "source", database_url=SecretStr(databases[0]), redis_url=SecretStr(valkey))


@pytest.fixture
def target(databases: tuple[str, str], valkey: str, place: Path) -> Settings:
    return Settings(data=place / "target", database_url=SecretStr(databases[1]), redis_url=SecretStr(valkey))


def keep(settings: Settings, content: bytes) -> str:
    return asyncio.run(Files.at(settings.kept_files(), digest=sm3).keep(content)).name


def read(settings: Settings, name: str) -> bytes:
    return asyncio.run(Files.at(settings.kept_files(), digest=sm3).read(name))


def name_it(settings: Settings, digest: str, number: int = 1) -> None:
    with psycopg.connect(settings.required_database_url()) as connection:
        connection.execute("INSERT INTO sale_documents VALUES (%s, %s)", (number, f"CJ2026-{number}"))
        connection.execute("INSERT INTO sale_versions VALUES (%s, 'pdf', 0, %s)", (number, digest))


def kept_file(settings: Settings, name: str) -> Path:
    return Path(settings.kept_files()) / "kept" / name[:2] / name


def demonstration_authority(settings: Settings) -> DemonstrationAuthority:
    settings.data.mkdir(exist_ok=True)
    return DemonstrationAuthority.open(settings.authority)


def issue(made: DemonstrationAuthority) -> int:
    return made.issue("甲方示例单位", PrivateKey.generate().public_key, credit_code=CREDIT_CODE).serial


def modes(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode)) for path in found}


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────


def test_every_document_comes_back_with_its_digest(source: Settings, target: Settings, place: Path) -> None:
    contents = [bytes([number]) * (number * 70_000) for number in range(1, 6)]
    names = [keep(source, content) for content in contents]
    for number, name in enumerate(names):
        name_it(source, name, number)
    made = backup.make(source, place / "copy")
    assert made.manifest.documents == 5
    assert stat.S_IMODE((made.folder / DOCUMENTS).stat().st_mode) == 0o600
    report = restore.restore(target, made.folder)
    assert [read(target, name) for name in names] == contents
    assert "(5)" in "".join(report.lines)


def test_a_document_that_is_kept_while_the_backup_runs_harms_nothing(
    source: Settings, target: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keep(source, b"before")
    name_it(source, before)
    dump = dumps.dump

    def meanwhile(*given: Any) -> None:
        dump(*given)
        name_it(source, keep(source, b"after the snapshot"), 2)

    monkeypatch.setattr(dumps, "dump", meanwhile)
    made = backup.make(source, place / "copy")
    assert made.manifest.tables["sale_versions"] == 1
    restore.restore(target, made.folder)
    assert read(target, before) == b"before"


@pytest.mark.parametrize("lost", ["missing", "damaged", "all"])
def test_a_lost_document_is_told_and_the_rest_is_saved(
    source: Settings, target: Settings, place: Path, lost: str
) -> None:
    good, bad = keep(source, b"good"), keep(source, b"bad")
    name_it(source, good, 1)
    name_it(source, bad, 2)
    match lost:
        case "missing":
            kept_file(source, bad).unlink()
        case "damaged":
            kept_file(source, bad).write_bytes(b"bed")
        case _:
            shutil.rmtree(Path(source.kept_files()))
    with pytest.raises(backup.Incomplete, match=f"CJ2026-2 .pdf, version 0. {bad}") as written:
        backup.make(source, place / "copy")
    assert written.value.folder == place / "copy"
    with pytest.raises(restore.Incomplete, match=f"not there .*when the backup was made.*{bad}"):
        restore.restore(target, place / "copy")
    with psycopg.connect(target.required_database_url()) as connection:
        assert connection.execute("SELECT count(*) FROM sale_versions").fetchone() == (2,)
    if lost == "all":
        with pytest.raises(FileMissing):
            read(target, good)
    else:
        assert read(target, good) == b"good"


def test_a_document_of_another_content_in_the_archive_is_found(
    source: Settings, target: Settings, place: Path
) -> None:
    name = keep(source, b"text")
    name_it(source, name)
    made = backup.make(source, place / "copy")
    archive = made.folder / DOCUMENTS
    archive.write_bytes(archive.read_bytes().replace(b"text", b"test"))
    raw = json.loads((made.folder / manifest.FILE).read_text())
    raw["files"][DOCUMENTS]["sha256"] = manifest.measure(archive).sha256
    (made.folder / manifest.FILE).write_text(json.dumps(raw))
    with pytest.raises(BrokenBackup, match="not what it is named"):
        restore.restore(target, made.folder)


def test_documents_in_a_store_elsewhere_are_copied_too(
    source: Settings, target: Settings, place: Path
) -> None:
    for name in ("here", "there"):
        (place / name).mkdir()
    source = source.model_copy(update={"files": f"file://{place}/here"})
    target = target.model_copy(update={"files": f"file://{place}/there"})
    name = keep(source, b"text")
    name_it(source, name)
    assert (place / "here" / "kept").is_dir()
    restore.restore(target, backup.make(source, place / "copy").folder)
    assert (place / "there" / "kept" / name[:2] / name).read_bytes() == b"text"


def test_many_documents_take_no_more_memory_than_one(source: Settings, place: Path) -> None:
    folder = Path(source.kept_files())
    names = [keep(source, bytes([number]) * 1_000_000) for number in range(24)]
    tracemalloc.start()
    try:
        copied = documents.pack(folder, place / "some.tar", expected=24)
        assert documents.check(place / "some.tar") == copied.there == {bytes.fromhex(name) for name in names}
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000


def test_every_column_that_names_a_document_is_known(migrated_url: str) -> None:
    """A new table whose rows name documents has to be added to NAMING, or to the other set here."""
    others = {("audit_links", "digest"), ("payment_reconciliations", "digest")}
    others |= {("seal_checks", "digest"), ("order_signatures", "digest")}
    otherwise_called = {
        *(("listing_files", "thumbnail"), ("agreed_prices", "decision"), ("objections", "file")),
        *(("archives", "manifest"), ("archives", "seal")),
    }
    with psycopg.connect(migrated_url) as connection:
        found = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name LIKE '%digest%'"
        ).fetchall()
    assert {(str(table), str(column)) for table, column in found} - others == set(
        documents.NAMING
    ) - otherwise_called


# ── the authority and the keys ──────────────────────────────────────────────────────────────────────────────


def test_the_authority_comes_back_without_its_keys_and_makes_no_others(
    source: Settings, target: Settings, place: Path
) -> None:
    made = demonstration_authority(source)
    serial = issue(made)
    made.revoke(serial)
    copy = backup.make(source, place / "copy").folder
    with tarfile.open(copy / AUTHORITY) as archive:
        assert not [name for name in archive.getnames() if "private" in name or "lock" in name]
    lines = restore.restore(target, copy).lines
    assert any("no keys" in line for line in lines)
    assert (
        target.authority.joinpath("register.jsonl").read_bytes()
        == (source.authority / "register.jsonl").read_bytes()
    )
    assert serial in read_trust(target.authority).lists[0].entries
    again = DemonstrationAuthority.open(target.authority)
    assert again.register_head == made.register_head
    with pytest.raises(SigningError):
        issue(again)
    keys = [path.read_text() for path in (target.authority / "private").iterdir()]
    assert len(keys) == 5
    assert not any("PRIVATE KEY" in text for text in keys)


def test_with_keys_everything_goes_on_and_only_its_owner_reads_it(
    source: Settings, target: Settings, place: Path
) -> None:
    issue(demonstration_authority(source))
    secret = {
        "keys/jobs.pem": "the jobs' key",
        "keys/data.secret": "what opens the boxes",
        "keys/platform-ukey.pin": "123456",
        "platform-ukey/platform.ukey": "sealed",
        "ukeys/bidder1.ukey": "sealed, too",
        "authority/authorization-codes/ABC": "a code",
    }
    for name, text in secret.items():
        path = source.data / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    made = backup.make(source, place / "copy", with_keys=True)
    assert stat.S_IMODE((made.folder / KEYS).stat().st_mode) == 0o600
    restore.restore(target, made.folder)
    assert {name: (target.data / name).read_text() for name in secret} == secret
    assert modes(target.authority) == modes(source.authority)
    for name in ("keys", "platform-ukey", "ukeys", "authority", "authority/private"):
        assert stat.S_IMODE((target.data / name).stat().st_mode) == 0o700
    issue(DemonstrationAuthority.open(target.authority))


def test_a_register_that_was_changed_is_told(source: Settings, target: Settings, place: Path) -> None:
    issue(demonstration_authority(source))
    register = source.authority / "register.jsonl"
    lines = register.read_bytes().splitlines(keepends=True)
    register.write_bytes(b"".join((*lines[:2], *lines[3:])))
    with pytest.raises(backup.Incomplete, match="damaged in line 3"):
        backup.make(source, place / "copy")
    with pytest.raises(restore.Incomplete, match=r"register is not what it was.*line 3"):
        restore.restore(target, place / "copy")


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "keys/../../evil", "postgres/evil", "keysevil"])
def test_an_archive_of_keys_writes_nowhere_else(place: Path, name: str) -> None:
    with packing.packing(place / KEYS) as out:
        out.add(name, b"x")
    (place / "data").mkdir()
    with pytest.raises(BrokenBackup, match="does not belong"):
        packing.unpack(place / KEYS, place / "data", restore._is_of_keys)
    assert list((place / "data").iterdir()) == []


def test_a_link_in_an_archive_is_refused(place: Path) -> None:
    with tarfile.open(place / AUTHORITY, "w") as archive:
        info = tarfile.TarInfo("authority/public/root.pem")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(BrokenBackup, match="no plain file"):
        authority.put_back(place / AUTHORITY, place / "authority")


# ── backups of former versions ──────────────────────────────────────────────────────────────────────────────


def as_format_1(folder: Path, keys: Path) -> None:
    """As it was written before: the dump, and the folder of keys as tarfile packs it."""
    for name in (DOCUMENTS, AUTHORITY, KEYS):
        (folder / name).unlink(missing_ok=True)
    with tarfile.open(folder / KEYS, "w") as archive:
        archive.add(keys, arcname="keys")
    raw = json.loads((folder / manifest.FILE).read_text())
    raw["format"] = 1
    del raw["documents"]
    raw["files"] = {
        name: {"sha256": piece.sha256, "size": piece.size}
        for name in (DUMP, KEYS)
        if (piece := manifest.measure(folder / name))
    }
    (folder / manifest.FILE).write_text(json.dumps(raw))


@pytest.mark.parametrize("names_documents", [False, True])
def test_a_backup_from_before_is_restored(
    source: Settings, target: Settings, place: Path, names_documents: bool
) -> None:
    source.keys.mkdir(parents=True, mode=0o700)
    (source.keys / "platform.key").write_text("private")
    if names_documents:
        name_it(source, keep(source, b"text"))
    made = backup.make(source, place / "copy")
    as_format_1(made.folder, source.keys)
    if names_documents:
        with pytest.raises(restore.Incomplete, match=r"1 of 1 .*from before documents.*CJ2026-1"):
            restore.restore(target, made.folder)
    else:
        restore.restore(target, made.folder)
    assert (target.keys / "platform.key").read_text() == "private"
    assert stat.S_IMODE(target.keys.stat().st_mode) == 0o700


def test_a_backup_of_a_later_format_is_refused(source: Settings, target: Settings, place: Path) -> None:
    made = backup.make(source, place / "copy")
    raw = json.loads((made.folder / manifest.FILE).read_text())
    (made.folder / manifest.FILE).write_text(json.dumps({**raw, "format": 3}))
    with pytest.raises(BrokenBackup, match="up to 2"):
        restore.restore(target, made.folder)
