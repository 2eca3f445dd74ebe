"""The sealer: one confirmation for each sold lot, whatever happens, and the platform's seal comes last."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from bidding.messages import PlaceBid
from bidding.terms import Fen
from luochui.processes import sealer
from luochui.processes.sealer import BadPinFile, Sealing
from luochui.settings import Settings
from office.accounts import Role
from office.sealed import QualifiedRow
from signing.documents import DocumentKind
from signing.findings import Verdict
from signing.token.port import NoToken, Pin, WrongPin
from signing.verification import verify
from tests import sealingkit
from tests.sealingkit import TRANSFEROR
from tests.webkit import Web, phase_is, put_on_soon, service, until, web_on
from trading.confirmations import Confirmations, House
from trading.platform_seal import OwnSeal, PlatformSealer
from trading.sale_states import SaleState
from trading.sales import Sales, newest
from web import putting_on

PIN = Pin("602214")


async def sold(web: Web, lot: str, reserve: int | None = None) -> None:
    """An auction, short, whose ledger is sealed."""
    await put_on_soon(web, lot, window_ms=30_000, reserve=reserve)
    await putting_on.import_list(
        web.site.engine, web.site.book, web.site.sealed, lot, [QualifiedRow("bidder1")]
    )
    await phase_is(web, lot, "timed_bidding")
    [paddle] = await web_paddles(web, lot)
    await web.site.book.place_bid(lot, PlaceBid(paddle, f"bid-of-{lot}", Fen(1_000_000)))
    await phase_is(web, lot, "closed")

    async def sealed() -> bool:
        async with web.site.engine.connect() as connection:
            found = await connection.scalar(
                text("SELECT count(*) FROM lot_seals WHERE lot = :lot"), {"lot": lot}
            )
        return bool(found)

    await until(sealed)


async def web_paddles(web: Web, lot: str) -> list[str]:
    return list(await web.site.sealed.qualified(lot))


async def test_every_sold_lot_gets_one_confirmation_and_no_other_lot_does(
    database: str, valkey: str, tmp_path: Path
) -> None:
    async with web_on(database, valkey) as web, service(web, database, valkey):
        bidder = await web.account("bidder1", Role.BIDDER, "测试竞买人一")
        seller = await web.account("seller", Role.TRANSFEROR, TRANSFEROR)
        await sold(web, "SOLD-1")
        await sold(web, "UNSOLD-1", reserve=9_000_000)
        makers = [
            Confirmations(web.site.engine, web.site.files, House("测试平台", "演示"), web.site.sealed)
            for _ in range(3)
        ]
        made = await asyncio.gather(*(maker.make_due() for maker in makers))
        assert sum(made) == 1
        assert await makers[0].make_due() == 0
        assert await web.site.sales.of_lot("UNSOLD-1") is None
        found = await web.site.sales.of_lot("SOLD-1")
        assert found is not None
        assert (found.transferee_id, found.transferor_id) == (bidder, seller)
        assert (found.transferee, found.price, found.state) == (
            "测试竞买人一",
            1_000_000,
            SaleState.AWAITING_TRANSFEREE,
        )
        versions = await web.site.sales.versions(found.id)
        assert {each.kind for each in versions} == {DocumentKind.PDF, DocumentKind.OFD}
        for each in versions:
            assert len(await web.site.files.read(each.digest)) == each.size


async def test_killed_between_file_and_row_it_is_made_again_the_same(
    database: str, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with web_on(database, valkey) as web, service(web, database, valkey):
        await web.account("bidder1", Role.BIDDER, "测试竞买人一")
        await sold(web, "SOLD-1")
        maker = Confirmations(web.site.engine, web.site.files, House("测试平台"), web.site.sealed)

        async def killed(self: Any, new: Any) -> bool:
            raise KeyboardInterrupt

        kept = files_in(web)
        with monkeypatch.context() as patch:
            patch.setattr(Sales, "make", killed)
            with pytest.raises(KeyboardInterrupt):
                await maker.make("SOLD-1")
        assert await web.site.sales.of_lot("SOLD-1") is None
        left = files_in(web) - kept
        assert len(left) == 2
        assert await maker.make_due() == 1
        assert files_in(web) - kept == left


def files_in(web: Web) -> set[str]:
    folder = web.site.files._folder
    assert folder is not None
    return {path.name for path in folder.rglob("*") if path.is_file()}


# ── the platform's UKey ─────────────────────────────────────────────────────────────────────────────────────


def settings_for(folder: Path, pin: str) -> Settings:
    file = folder / "platform.pin"
    file.write_text(pin + "\n")
    file.chmod(0o600)
    return Settings(
        data=folder,
        database_url=SecretStr("postgresql://unused"),
        redis_url=SecretStr("redis://unused"),
        platform_ukey="platform",
        platform_pin_file=file,
    )


def platform_ukey(folder: Path) -> None:
    authority = sealingkit.authority(folder / "authority")
    sealingkit.equip(authority, folder / "platform-ukey", "platform", "测试平台", PIN)


async def waiting(web: Web, folder: Path) -> int:
    """A document that waits for the platform."""
    authority = sealingkit.authority(folder / "authority")
    one = await sealingkit.party(web, authority, "bidder1", Role.BIDDER, "测试竞买人一")
    seller = await sealingkit.party(web, authority, "seller", Role.TRANSFEROR, TRANSFEROR)
    document = await sealingkit.document(web, one.account)
    for who in (one, seller):
        for kind in ("pdf", "ofd"):
            assert (await sealingkit.seal(web, who, document.id, kind)).json()["ok"]
    return document.id


async def test_the_platform_seals_with_its_own_ukey_and_not_with_a_wrong_pin_twice(
    database: str, valkey: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(platform_ukey, tmp_path)
    async with web_on(database, valkey, trust=tmp_path / "authority") as web:
        document = await waiting(web, tmp_path)
        wrong = Sealing(settings_for(tmp_path, "000000"), PlatformSealer(web.site.sales, web.site.files))
        with pytest.raises(WrongPin):
            await wrong.round()
        for _ in range(3):
            with pytest.raises(BadPinFile):
                await wrong.round()
        restarted = Sealing(wrong._settings, PlatformSealer(web.site.sales, web.site.files))
        with pytest.raises(BadPinFile):
            await restarted.round()
        settings_for(tmp_path, PIN.reveal())
        await wrong.round()
        found = await web.site.sales.get(document)
        assert found is not None
        assert found.state is SaleState.SEALED
        versions = await web.site.sales.versions(document)
        trust = await web.site.trust.current()
        for kind in DocumentKind:
            sealed = await web.site.files.read(newest(versions, kind).digest)
            report = verify(sealed, trust, now=datetime.now(UTC))
            assert (report.verdict, len(report.seals)) == (Verdict.VALID, 3)
        await wrong.round()
        assert await web.site.sales.versions(document) == versions


async def test_without_its_ukey_the_documents_wait(database: str, valkey: str, tmp_path: Path) -> None:
    async with web_on(database, valkey, trust=tmp_path / "authority") as web:
        document = await waiting(web, tmp_path)
        (tmp_path / "platform-ukey").mkdir()
        sealing = Sealing(settings_for(tmp_path, "602214"), PlatformSealer(web.site.sales, web.site.files))
        with pytest.raises(NoToken):
            await sealing.round()
        (tmp_path / "platform.pin").chmod(0o644)
        with pytest.raises(BadPinFile):
            await sealing.round()
        found = await web.site.sales.get(document)
        assert found is not None
        assert found.state is SaleState.AWAITING_PLATFORM


async def test_of_two_platforms_one_seal_stays(database: str, valkey: str, tmp_path: Path) -> None:
    authority = sealingkit.authority(tmp_path / "authority")
    async with web_on(database, valkey, trust=tmp_path / "authority") as web:
        document = await waiting(web, tmp_path)
        own = sealingkit.ukey(authority, "测试平台")
        platform = PlatformSealer(web.site.sales, web.site.files)
        mine, trust = OwnSeal(own.certificate, own.seal, own.key), await web.site.trust.current()
        found = await web.site.sales.get(document)
        assert found is not None
        base = newest(await web.site.sales.versions(document), DocumentKind.PDF)
        await asyncio.gather(*(platform.seal(found, base, mine, trust) for _ in range(3)))
        sealed = [each for each in await web.site.sales.versions(document) if each.sealed_by == "platform"]
        assert len(sealed) == 1


def test_the_process_says_when_it_has_no_ukey(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path,
        database_url=SecretStr("postgresql://unused"),
        redis_url=SecretStr("redis://unused"),
    )
    said: list[str] = []
    monkeypatch.setattr(sealer.log, "info", lambda event, **_: said.append(event))

    async def started() -> None:
        running = asyncio.create_task(Sealing(settings, None).run())  # type: ignore[arg-type]
        while not said:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(started())
    assert said == ["platform_seal_not_configured"]
