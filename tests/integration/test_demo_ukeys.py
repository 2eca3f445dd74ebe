"""The demonstration's UKeys: for all who bid, sell or seal; bound, repeatable, mended after a crash."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from certificates.authority.trust import read_trust
from certificates.issuing.assistants import DeskAssistant, DeskAssistants
from luochui import demo, demo_assistant, demo_ukeys
from luochui.demo_ukeys import PIN
from luochui.operations import demonstration
from luochui.operations.authority import hold_places
from luochui.processes.authority import open_authority
from luochui.services.faults import Repairable
from luochui.settings import Settings
from office.accounts import Accounts
from office.database import create_engine
from office.ukeys import BoundUKey, UKeys
from signing.chain import check_certificate
from signing.findings import Verdict
from signing.token import virtual
from signing.token.port import Pin
from signing.x509 import parse_certificate

FEW = tuple(one for one in demo.ACCOUNTS if one.login in ("bidder1", "transferor", "administrator1"))


@pytest.fixture
def settings(
    database: str, valkey: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    monkeypatch.setenv("LUOCHUI_VUKEY_COST", "10")
    monkeypatch.setattr(demo, "ACCOUNTS", FEW)
    with psycopg.connect(database) as connection:
        demonstration.mark(connection)
    given = Settings(demo=True, data=tmp_path, database_url=SecretStr(database), redis_url=SecretStr(valkey))
    yield demo_ukeys.configured(given)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f'COMMENT ON DATABASE "{connection.info.dbname}" IS NULL'.encode())


def bound(settings: Settings, login: str) -> list[BoundUKey]:
    async def ask() -> list[BoundUKey]:
        engine = create_engine(settings.required_database_url())
        person = await Accounts(engine).by_login(login)
        assert person is not None
        found = list(await UKeys(engine).confirmed_of(person.id))
        await engine.dispose()
        return found

    return asyncio.run(ask())


def desk_assistants(settings: Settings) -> list[DeskAssistant]:
    async def ask() -> list[DeskAssistant]:
        engine = create_engine(settings.required_database_url())
        found = list(await DeskAssistants(engine).all())
        await engine.dispose()
        return found

    return asyncio.run(ask())


@pytest.mark.timeout(240)
def test_everybody_has_a_ukey_that_is_trusted_and_a_repetition_changes_nothing(settings: Settings) -> None:
    demo.prepare_ukeys(settings)
    trust = read_trust(settings.trust())
    for login in ("bidder1", "transferor"):
        [one] = bound(settings, login)
        token = virtual.station(settings.ukeys).token(login)
        certificate = parse_certificate(one.certificate)
        assert token.contents().certificate == certificate
        assert check_certificate(certificate, trust, at=datetime.now(UTC)).verdict is Verdict.VALID
        assert certificate.key.verify(b"x", token.sign(b"x", Pin(PIN)))
    assert bound(settings, "administrator1") == []
    assert [each.label for each in virtual.ukeys(settings.platform_ukeys)] == ["platform"]
    assert settings.platform_pin_file is not None
    assert settings.platform_pin_file.stat().st_mode & 0o077 == 0

    [assistant] = desk_assistants(settings)
    before = {login: bound(settings, login) for login in ("bidder1", "transferor")}
    access = demo_assistant.DemoAssistant(settings).access
    assert len(access) > 20
    virtual.unplug("transferor", settings.ukeys)
    demo.prepare_ukeys(settings)
    assert {login: bound(settings, login) for login in before} == before
    assert demo_assistant.DemoAssistant(settings).access == access
    assert desk_assistants(settings) == [assistant]
    assert not virtual.find("transferor", settings.ukeys).plugged

    # A crash left a UKey without a certificate, and another one is gone.
    virtual.delete("bidder1", settings.ukeys)
    virtual.create("bidder1", pin=Pin(PIN), so_pin=virtual.random_so_pin(), folder=settings.ukeys)
    virtual.delete("transferor", settings.ukeys)
    asyncio.run(_unbind(settings, "bidder1"))
    demo.prepare_ukeys(settings)
    for login in before:
        [one] = bound(settings, login)
        assert one not in before[login]
        contents = virtual.station(settings.ukeys).token(login).contents()
        assert contents.certificate is not None
        assert contents.certificate.der == one.certificate


def test_without_the_authoritys_keys_it_says_what_is_missing(settings: Settings) -> None:
    """As after a restore of a backup without keys: only their places are there."""
    open_authority(settings)
    for key in (settings.authority / "private").glob("*.key"):
        key.unlink()
    places = hold_places(settings.authority)
    with pytest.raises(Repairable, match="holds no key") as refused:
        demo.prepare_ukeys(settings)
    assert any(place in str(refused.value) for place in places)
    assert "put the keys back" in str(refused.value)


async def _unbind(settings: Settings, login: str) -> None:
    engine = create_engine(settings.required_database_url())
    person = await Accounts(engine).by_login(login)
    assert person is not None
    for one in await UKeys(engine).of(person.id):
        await UKeys(engine).end(one.id, by=person.id)
    await engine.dispose()
