"""What the pages of the trading workflow take on a platform that is full: rows for `make bench`.

    python -m loadtests.trading_bench [--quick]

100,000 lots and 1,000,000 registrations lie in the tables; one web process answers one visitor after the
other, and the time is the visitor's, on loopback. The import of a long statement is measured beside it.
"""

import asyncio
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
import redis.asyncio
from rich.console import Console
from sqlalchemy import text

from loadtests import statement_bench, trading_data
from loadtests.house import House, house
from loadtests.rows import Row, percentile, show
from luochui.settings import Settings
from luochui.vaults import open_vault
from office.accounts import Accounts, Role, hash_password
from office.clock import utc_now
from office.database import create_engine
from office.files import Files
from office.sessions import SessionDirectory
from signing.sm3 import sm3
from trading.profiles.store import ensure_defaults, published_on

WITHIN_MS: Final = 50
OWN: Final = 20
"""Registrations of the bidder whose trades are shown."""
WARM: Final = 5


@dataclass(frozen=True, slots=True)
class Amount:
    """How much lies in the tables, and how often each page is asked for."""

    lots: int = 100_000
    registrations: int = 1_000_000
    requests: int = 100
    statement: int = statement_bench.ROWS


QUICK: Final = Amount(2_000, 10_000, 20, 2_000)
PAGES: Final = (
    ("list of announcements", "", "/announcements"),
    ("list of announcements, page 50", "", "/announcements?page=50"),
    ("search by two words", "", "/announcements?q=吉首 门面"),
    (
        "search by class, place and price",
        "",
        "/announcements?class=physical&place=凤凰&price_from=5万&order=cheapest",
    ),
    ("search for what there is not", "", "/announcements?q=航空母舰"),
    ("list for administrators", "administrator", "/administration/listings"),
    ("my assets, all of the lots", "transferor", "/my/assets"),
    ("my trades", "bidder", "/my/trades"),
    ("my tasks", "administrator", "/my/tasks"),
)
"""(what it is, who looks, address)."""


def measure(where: House, amount: Amount = Amount()) -> list[Row]:
    """All rows of this part, in a house whose database is migrated and has no listings yet."""
    cookies = asyncio.run(_fill(where.settings, amount))
    where.start("sealed")
    where.start("web")
    try:
        rows = [_row(where, name, path, cookies.get(who, ""), amount) for name, who, path in PAGES]
    finally:
        where.stop("web")
        where.stop("sealed")
    return [*rows, *asyncio.run(_statement(where.settings, amount))]


def _row(where: House, name: str, path: str, cookie: str, amount: Amount) -> Row:
    times = asyncio.run(_ask(f"http://127.0.0.1:{where.settings.port}{path}", cookie, amount.requests))
    full = f"{name}, {amount.lots:,} lots, {amount.registrations:,} registrations, p95"
    note = f"p50 {1000 * percentile(times, 0.5):.3g} ms"
    return Row(full, 1000 * percentile(times, 0.95), "ms", target=f"value <= {WITHIN_MS}", note=note)


async def _ask(url: str, cookie: str, count: int) -> Sequence[float]:
    """Seconds of each of so many requests, one after the other; the first few are not counted."""
    cookies = {"luochui_session": cookie} if cookie else {}
    times = []
    async with httpx.AsyncClient(cookies=cookies, timeout=60) as client:
        await _until_it_answers(client, url)
        for number in range(-WARM, count):
            began = time.perf_counter()
            answer = await client.get(url)
            taken = time.perf_counter() - began
            if answer.status_code != 200:
                raise RuntimeError(f"{url}: {answer.status_code}")
            times += [taken] if number >= 0 else []
    return times


async def _until_it_answers(client: httpx.AsyncClient, url: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            if (await client.get(url)).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > end:
            raise RuntimeError(f"{url} does not answer")
        await asyncio.sleep(0.2)


# ── what lies there ─────────────────────────────────────────────────────────────────────────────────────────


async def _fill(settings: Settings, amount: Amount) -> dict[str, str]:
    """The tables, and {role: cookie of somebody who looks}."""
    engine = create_engine(settings.required_database_url())
    now = utc_now()
    try:
        accounts = await _people(settings)
        async with engine.begin() as connection:
            await ensure_defaults(connection, now)
            profile = await published_on(connection, "physical", "competitive_bidding")
        assert profile is not None
        trading_data.fill(
            settings.required_database_url(),
            owner=accounts["transferor"][0],
            profile=profile.id,
            lots=amount.lots,
            registrations=amount.registrations,
            now=now,
        )
        vault = await open_vault(settings, engine)
        for number in range(1, OWN + 1):
            lot = f"LD-SW-{number:07d}"
            registration = await vault.register(accounts["bidder"][0], lot)
            put = text(
                "INSERT INTO registrations (registration, state, step, made_at, changed_at)"
                " VALUES (:r, 'awaiting_deposit', 'receipt', :now, :now)"
            )
            async with engine.begin() as connection:
                await connection.execute(put, {"r": registration, "now": now})
        return {role: cookie for role, (_, cookie) in accounts.items()}
    finally:
        await engine.dispose()


async def _people(settings: Settings) -> dict[str, tuple[int, str]]:
    """{role: (account, cookie)}."""
    engine = create_engine(settings.required_database_url())
    hashed, found = hash_password(secrets.token_urlsafe(16)), {}
    try:
        async with redis.asyncio.Redis.from_url(settings.required_redis_url()) as client:
            for role in (Role.BIDDER, Role.TRANSFEROR, Role.ADMINISTRATOR, Role.FINANCE):
                name = f"压测{role.value}"
                account = await Accounts(engine).create_hashed(f"bench-{role.value}", hashed, role, name)
                cookie, _ = await SessionDirectory(client).start(account, role, name)
                found[role.value] = (account, cookie)
    finally:
        await engine.dispose()
    return found


async def _statement(settings: Settings, amount: Amount) -> list[Row]:
    engine = create_engine(settings.required_database_url())
    try:
        person = await Accounts(engine).by_login("bench-finance")
        assert person is not None
        files = Files.at(Path(settings.data) / "files", digest=sm3)
        now: datetime = utc_now()
        return await statement_bench.measure(engine, files, by=person.id, now=now, rows=amount.statement)
    finally:
        await engine.dispose()


def main(arguments: Sequence[str]) -> None:
    with house() as where:
        show(measure(where, QUICK if "--quick" in arguments else Amount()), Console(width=160))


if __name__ == "__main__":
    main(sys.argv[1:])
