"""What the doctor says of UKeys, fonts, the authority, the platform's seal and the documents."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import Applicant, SubjectKind
from luochui.operations import doctor
from luochui.operations import sealing_findings as looks
from luochui.operations.findings import Finding, Level
from luochui.settings import Settings
from office.files import Files
from signing.sm2 import PrivateKey, write_private_key
from signing.sm3 import sm3
from signing.token import virtual
from signing.token.port import Pin

PIN = Pin("135790")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


def found(look: Callable[[Settings], Iterable[Finding]], settings: Settings) -> dict[str, Finding]:
    before = sorted(settings.data.parent.rglob("*"))
    findings = {each.subject: each for each in look(settings)}
    assert sorted(settings.data.parent.rglob("*")) == before
    return findings


def authority(settings: Settings, *, days_ago: int = 0) -> DemonstrationAuthority:
    then = datetime.now(UTC) - timedelta(days=days_ago)
    settings.data.mkdir(exist_ok=True)
    return DemonstrationAuthority.open(settings.authority, clock=lambda: then)


# ── what has to be installed ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("platform", "level"), [(None, Level.NOTE), ("platform", Level.BAD)])
def test_a_virtual_ukey_that_is_not_compiled_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, platform: str | None, level: Level
) -> None:
    monkeypatch.setattr(virtual, "module_path", lambda: Path("/nowhere/luochui-vukey.so"))
    settings = settings.model_copy(update={"platform_ukey": platform})
    told = found(looks.virtual_ukey, settings)["virtual UKey"]
    assert (told.level, "not compiled" in told.says) == (level, True)
    assert "gcc" in told.do


def test_a_virtual_ukey_of_another_machine_is_told(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "luochui-vukey.so"
    module.write_bytes(b"\x7fELF of something else")
    monkeypatch.setattr(virtual, "module_path", lambda: module)
    assert "cannot be loaded" in found(looks.virtual_ukey, settings)["virtual UKey"].says


def test_missing_fonts_are_told(settings: Settings) -> None:
    assert found(doctor._fonts, settings)["fonts"].level is Level.GOOD
    said = without_fonts(settings)
    assert "✗ fonts: the package pylopdf-fonts-zh-cn is missing" in said
    assert "✗ seals: nothing can be sealed" in said


def without_fonts(settings: Settings) -> str:
    """All that the doctor says where the package is not installed."""
    program = """
import sys
from importlib.machinery import PathFinder
look = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name == "pylopdf_fonts_zh_cn" else look(name, *more)
from rich.console import Console
from luochui.operations import doctor
doctor.show(doctor.examine(), Console(file=sys.stdout, width=200))
"""
    environment = {**os.environ, "LUOCHUI_DATA": str(settings.data)}
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60, capture_output=True, env=environment
    )
    return done.stdout.decode()


# ── the authority and the platform's seal ───────────────────────────────────────────────────────────────────


def test_an_authority_that_is_well_gets_no_complaint(settings: Settings) -> None:
    authority(settings)
    told = found(looks.trust, settings)
    assert {subject: each.level for subject, each in told.items()} == {
        "authority": Level.GOOD,
        "revocation list": Level.GOOD,
    }


def test_no_authority_yet_is_no_fault_but_a_named_one_that_is_missing_is(settings: Settings) -> None:
    assert found(looks.trust, settings)["authority"].level is Level.NOTE
    named = settings.model_copy(update={"trust_folder": settings.data / "trust"})
    assert "cannot be read" in found(looks.trust, named)["authority"].says
    named.trust().mkdir(parents=True)
    assert "no root certificate" in found(looks.trust, named)["authority"].says


def test_an_authority_that_this_account_cannot_read_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority(settings)
    closed = settings.authority / "public"
    monkeypatch.setattr("os.access", lambda path, _mode: path != closed)
    assert f"{closed} cannot be read" in found(looks.trust, settings)["authority"].says


def test_a_list_that_ended_is_told(settings: Settings, tmp_path: Path) -> None:
    authority(settings, days_ago=8)
    told = found(looks.trust, settings)["revocation list"]
    assert (told.level, "ended on" in told.says) == (Level.NOTE, True)  # its own process renews it
    shutil.copytree(settings.authority / "public", tmp_path / "trust")
    named = settings.model_copy(update={"trust_folder": tmp_path / "trust"})
    assert found(looks.trust, named)["revocation list"].bad
    for file in (tmp_path / "trust").glob("*.crl"):
        file.unlink()
    assert "there is none" in found(looks.trust, named)["revocation list"].says


def test_a_register_that_was_changed_is_told(settings: Settings) -> None:
    authority(settings)
    register = settings.authority / "register.jsonl"
    register.write_bytes(register.read_bytes().replace(b'"by":"luochui"', b'"by":"somebody"', 1))
    assert "damaged in line 2" in found(looks.trust, settings)["register"].says


def test_keys_that_are_missing_or_of_another_authority_are_told(settings: Settings) -> None:
    authority(settings)
    private = settings.authority / "private"
    (private / "tsa.key").unlink()
    (private / "issuing.key").unlink()
    write_private_key(private / "issuing.key", PrivateKey.generate())
    told = found(looks.trust, settings)["authority's keys"]
    assert told.bad
    assert told.says.startswith("issuing, tsa:")


def platform_ukey(settings: Settings, *, days_ago: int, days: int) -> None:
    issuing = authority(settings, days_ago=days_ago)
    virtual.create(
        "platform", pin=PIN, so_pin=virtual.random_so_pin(), folder=settings.platform_ukeys, cost=10
    )
    token = virtual.station(settings.platform_ukeys).token("platform")
    applicant = Applicant(SubjectKind.ORGANIZATION, "平台示例单位")
    certificate = issuing.issue_to(applicant, token.new_key(PIN), days=days)
    token.store(certificate, issuing.make_seal(certificate), (), PIN)


@pytest.mark.parametrize(
    ("days", "level", "says"),
    [(50, Level.BAD, "ended on"), (120, Level.NOTE, "valid until"), (365, Level.GOOD, "valid until")],
)
def test_a_platform_certificate_that_ended_or_ends_soon_is_told(
    settings: Settings, days: int, level: Level, says: str
) -> None:
    platform_ukey(settings, days_ago=100, days=days)
    told = found(looks.platform_seal, settings)["platform's seal"]
    assert (told.level, says in told.says) == (level, True)


def test_a_platform_ukey_that_is_not_plugged_in_is_told(settings: Settings) -> None:
    platform_ukey(settings, days_ago=0, days=365)
    virtual.unplug("platform", settings.platform_ukeys)
    assert found(looks.platform_seal, settings)["platform's seal"].bad


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def naming(postgres_url: str, postgres_admin_url: str, settings: Settings) -> Iterator[Settings]:
    """A database of its own whose rows may name documents."""
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE doctored OWNER luochui")
    url = postgres_url.rpartition("/")[0] + "/doctored"
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE sale_documents (id int, number text)")
        connection.execute(
            "CREATE TABLE sale_versions (document_id int, kind text, version int, digest text)"
        )
        connection.execute("INSERT INTO sale_documents VALUES (1, 'CJ2026-1')")
    urls: dict[str, Any] = {"database_url": SecretStr(url), "redis_url": SecretStr("redis://unused")}
    yield settings.model_copy(update=urls)
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE doctored WITH (FORCE)"))


def keep(settings: Settings, content: bytes) -> Path:
    name = asyncio.run(Files.at(settings.kept_files(), digest=sm3).keep(content)).name
    with psycopg.connect(settings.required_database_url()) as connection:
        connection.execute("INSERT INTO sale_versions VALUES (1, 'pdf', 0, %s)", (name,))
    return Path(settings.kept_files()) / "kept" / name[:2] / name


def test_no_document_yet_is_no_fault(naming: Settings) -> None:
    assert found(looks.kept_documents, naming)["documents"].level is Level.NOTE


def test_without_a_database_no_document_is_called_well(settings: Settings) -> None:
    Path(settings.kept_files()).mkdir(parents=True)
    assert found(looks.kept_documents, settings)["documents"].level is Level.NOTE


def test_a_lost_document_is_told_by_the_number_of_its_sale(naming: Settings) -> None:
    keep(naming, b"one")
    file = keep(naming, b"two")
    assert found(looks.kept_documents, naming)["documents"].says.startswith("2 looked at")
    file.write_bytes(b"owt")
    told = found(looks.kept_documents, naming)["documents"]
    assert told.bad
    assert "1 of 2" in told.says
    assert "CJ2026-1" in told.says
    shutil.rmtree(Path(naming.kept_files()))
    assert "files is missing" in found(looks.kept_documents, naming)["documents"].says


def test_the_sample_is_bounded(naming: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "SAMPLE", 4)
    for number in range(9):
        keep(naming, bytes([number]))
    count = int(found(looks.kept_documents, naming)["documents"].says.split()[0])
    assert 2 <= count <= 4
