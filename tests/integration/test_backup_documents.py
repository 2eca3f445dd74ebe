"""A backup brings the documents along that its snapshot names, and tells when one is missing or changed."""

import asyncio
import tarfile
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from luochui.operations import kept_files
from luochui.operations.kept_files import DocumentLost
from luochui.settings import Settings
from office.files import Files, Kept
from signing.sm3 import sm3


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "source", database_url=SecretStr(postgres_url))


def connected(settings: Settings, *names: str) -> "psycopg.Connection":
    """With a record that names these files; gone with the connection."""
    connection = psycopg.connect(settings.required_database_url())
    connection.execute("CREATE TEMPORARY TABLE sale_versions (digest text)")
    for name in names:
        connection.execute("INSERT INTO sale_versions VALUES (%s)", (name,))
    return connection


def keep(settings: Settings, content: bytes) -> Kept:
    return asyncio.run(Files.at(settings.kept_files(), digest=sm3).keep(content))


def test_documents_come_back_under_their_names(settings: Settings, tmp_path: Path) -> None:
    named, other = keep(settings, b"a confirmation"), keep(settings, b"of a later time")
    target = settings.model_copy(update={"data": tmp_path / "target"})
    with connected(settings, named.name, named.name) as connection:
        assert kept_files.pack(connection, settings, tmp_path / "documents.tar")
        assert kept_files.unpack(tmp_path / "documents.tar", connection, target) == 1
    files = Files.at(target.kept_files(), digest=sm3)
    assert asyncio.run(files.read(named.name)) == b"a confirmation"
    with pytest.raises(Exception, match=other.name):
        asyncio.run(files.read(other.name))


def test_without_documents_there_is_no_archive(settings: Settings, tmp_path: Path) -> None:
    with connected(settings) as connection:
        assert not kept_files.pack(connection, settings, tmp_path / "documents.tar")
    assert not (tmp_path / "documents.tar").exists()


def test_a_missing_or_changed_document_stops_the_backup(settings: Settings, tmp_path: Path) -> None:
    kept = keep(settings, b"a confirmation")
    file = tmp_path / "source" / "files" / "kept" / kept.name[:2] / kept.name
    file.write_bytes(b"another text!!")
    with connected(settings, kept.name) as connection:
        with pytest.raises(DocumentLost, match="was changed"):
            kept_files.pack(connection, settings, tmp_path / "one.tar")
        file.unlink()
        with pytest.raises(DocumentLost, match="missing"):
            kept_files.pack(connection, settings, tmp_path / "two.tar")


def test_an_archive_with_other_things_is_not_unpacked(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "evil").write_bytes(b"x")
    with tarfile.open(tmp_path / "documents.tar", "x") as archive:
        archive.add(tmp_path / "evil", arcname="kept/../../evil")
    with connected(settings) as connection, pytest.raises(DocumentLost, match="other things"):
        kept_files.unpack(tmp_path / "documents.tar", connection, settings)
