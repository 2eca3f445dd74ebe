"""The demonstration's listings: what a start that was cut short left half done, the next one finishes."""

import random
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from luochui import demo, demo_listings
from luochui.commands import up
from luochui.commands.announcing import Progress
from luochui.demo_assets import ASSETS
from luochui.demo_listings import Showing, Town
from luochui.demo_players import Players
from luochui.operations import demonstration
from luochui.operations.demonstration import WrongDatabase
from luochui.processes.wiring import clock_of
from luochui.settings import Settings
from office.sealed.port import Sealed
from trading.lifecycle.states import LotState
from trading.profiles.store import ensure_defaults
from trading.registrations.mine import plain_name
from trading.registrations.papers import Paper
from trading.registrations.registrations import Registrations

DRAFT = next(asset for asset in ASSETS if asset.state is LotState.DRAFT)
SUBMITTED = next(asset for asset in ASSETS if asset.state is LotState.SUBMITTED)
EXTENDED = next(asset for asset in ASSETS if asset.extended is not None)
UNPAID = next(asset for asset in ASSETS if asset.unpaid)
WAITING = next(asset for asset in ASSETS if asset.state is LotState.EVALUATION)
CUT = (DRAFT, EXTENDED)


class Cut(Exception):
    """The start ended here."""


class Hurried(Showing):
    """Without UKeys: papers are kept as they are. Stops after so many writes (transfers come again)."""

    def __init__(self, town: Town, players: Players, writes: int) -> None:
        super().__init__(town, players)
        self.left = writes

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cut

    async def _act(self, *given: Any, **more: Any) -> None:
        self._count()
        await super()._act(*given, **more)

    async def _save_files_step(self, *given: Any) -> None:
        self._count()
        await super()._save_files_step(*given)

    async def _mark_complete(self) -> None:
        """Finance does not look here."""

    async def _seal_paper(
        self,
        registrations: Registrations,
        registration: str,
        account: int,
        paper: Paper,
        actor: object,
        now: datetime,
    ) -> None:
        self._count()
        mine = await registrations.of(registration, account)
        plain = await registrations.content(mine, plain_name(paper))
        assert plain is not None
        await registrations.keep_sealed(mine, paper, plain, now=now)


class NoPlayers(Players):
    async def actor(self, login: str) -> Any:
        return None


@pytest.fixture
def settings(database: str, valkey: str, tmp_path: Path) -> Iterator[Settings]:
    with psycopg.connect(database) as connection:
        demonstration.mark(connection)
    yield Settings(demo=True, data=tmp_path, database_url=SecretStr(database), redis_url=SecretStr(valkey))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f'COMMENT ON DATABASE "{connection.info.dbname}" IS NULL'.encode())


@pytest.fixture
async def town(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    monkeypatch.setattr(demo_listings, "ASSETS", CUT)
    monkeypatch.setattr(demo_listings.log, "exception", lambda *_of, **_more: None)  # pages of trace, each
    async with demo.stage(settings) as here:
        await here.make_accounts()
        async with here.engine.begin() as connection:
            await ensure_defaults(connection, clock_of(settings)())
        yield await demo.town_of(settings, here)


def showing(town: Town, settings: Settings, writes: int = 1_000) -> Hurried:
    return Hurried(town, NoPlayers(settings, {}, random.Random(1)), writes)


async def shown(town: Town, sealed: Sealed) -> dict[str, Any]:
    """What there is of each asset: its state, its files, its people and their money."""
    async with town.engine.connect() as connection:
        listings = (await connection.execute(text("SELECT lot, title, state, details FROM listings"))).all()
        files = await connection.execute(text("SELECT lot, name FROM listing_files WHERE removed_at IS NULL"))
        named = sorted((row.lot, row.name) for row in files)
        states = {
            row.registration: row.state
            for row in await connection.execute(text("SELECT registration, state FROM registrations"))
        }
        paid = sorted(
            row.amount for row in await connection.execute(text("SELECT amount FROM bank_transactions"))
        )
    found: dict[str, Any] = {"paid": paid, "listings": len(listings)}
    for row in listings:
        people = sorted(states[name] for name in await sealed.of_lot(row.lot) if name in states)
        mine = [name for lot, name in named if lot == row.lot]
        found[row.title] = (row.state, bool(row.details), mine, people)
    return found


@pytest.mark.long
async def test_a_start_cut_short_anywhere_is_finished_by_the_next(town: Town, settings: Settings) -> None:
    """One write further each time: no start after a cut repeats or leaves out anything."""
    cuts = 0
    while True:
        failed = await showing(town, settings, writes=1).list_all()
        if not failed:
            break
        cuts += 1
        assert cuts < 100
    assert cuts >= 6
    piecemeal = await shown(town, town.sealed)
    assert piecemeal["listings"] == len(CUT)
    assert piecemeal[DRAFT.title][0] == "draft"
    assert piecemeal[EXTENDED.title][0] == "extended"
    for asset in CUT:
        state, details, files, people = piecemeal[asset.title]
        assert details, asset.key
        assert len(files) == len(set(files)) == 5 if asset is DRAFT else len(files) == 5, (asset.key, files)
        if state not in ("draft", "submitted"):
            assert len(people) == len(asset.registrants) + len(asset.unpaid), asset.key
            assert set(people) == {"awaiting_deposit"} or not people, asset.key
    assert len(piecemeal["paid"]) == sum(len(asset.registrants) for asset in CUT)
    assert await showing(town, settings).list_all() == ()
    assert await shown(town, town.sealed) == piecemeal, "a start with nothing left to do changes nothing"


async def test_one_that_fails_leaves_the_others_and_a_person_s_own_work_stays(
    town: Town, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_listings, "ASSETS", (SUBMITTED, DRAFT, WAITING))
    whole = demo_listings._files_of

    def broken(asset: Any) -> Any:
        if asset is SUBMITTED:
            raise OSError("no room left")
        return whole(asset)

    with monkeypatch.context() as patched:
        patched.setattr(demo_listings, "_files_of", broken)
        assert await showing(town, settings).list_all() == (SUBMITTED.title,)
    found = await shown(town, town.sealed)
    assert found[SUBMITTED.title][0] == "draft"
    assert found[WAITING.title][0] == "announced"
    assert await showing(town, settings).list_all() == ()
    assert (await shown(town, town.sealed))[SUBMITTED.title][0] == "submitted"
    async with town.engine.begin() as connection:
        lot = await connection.scalar(
            text("SELECT lot FROM listings WHERE title = :t"), {"t": SUBMITTED.title}
        )
        await connection.execute(text("UPDATE listings SET state = 'draft' WHERE lot = :lot"), {"lot": lot})
    assert await showing(town, settings).list_all() == ()
    assert (await shown(town, town.sealed))[SUBMITTED.title][0] == "draft", (
        "returned: that is its owner's now"
    )


def test_the_start_says_what_failed_and_goes_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    progress = Progress(Settings(demo=True, data=tmp_path))

    def bug() -> tuple[str, ...]:
        raise RuntimeError("no room left")

    def mixed() -> tuple[str, ...]:
        raise WrongDatabase("real data")

    up._make_listings(lambda: (), progress)
    assert "going on without" not in capsys.readouterr().out
    up._make_listings(bug, progress)
    assert "going on without the listings" in capsys.readouterr().out
    up._make_listings(lambda: ("旧公务车",), progress)
    assert "going on without 1 listing" in capsys.readouterr().out
    with pytest.raises(WrongDatabase):
        up._make_listings(mixed, progress)
