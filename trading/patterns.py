"""Signs of collusion, for regulators, after a lot has closed: signs, never proofs.

Who shared a device or a network address (keyed hashes, compared and not read), a payer, a contact person or
telephone; and which two were alone with each other again and again. Every part asks the sealed process, which
answers only after the close; the page records each look.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import REHEARSAL
from office.banking.payers import payer_key
from office.sealed.port import BoxBroken, NotYours, Sealed
from trading.registrations.application import read_application
from trading.registrations.mine import APPLICATION
from trading.registrations.rows import box_of

MOST_BIDDERS: Final = 300
LOTS_LOOKED_AT: Final = 100
ALWAYS: Final = 3
"""Lots with the same two and nobody else, from which on it is a sign."""
BEFORE: Final = timedelta(days=30)
"""How far back traces count, at least: for a lot without an announcement there is nothing else."""


class Sign(StrEnum):
    SAME_DEVICE = "same_device"
    SAME_ADDRESS = "same_address"
    SAME_PAYER = "same_payer"
    SAME_OPERATOR = "same_operator"
    ALWAYS_TWO = "always_two"


@dataclass(frozen=True, slots=True)
class Finding:
    """Bidders of one lot who share something; `times`: in how many ways (days and devices, payers …)."""

    sign: Sign
    paddles: tuple[str, ...]
    times: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two accounts that were the only bidders of these lots."""

    accounts: tuple[int, int]
    lots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bidder:
    paddle: str
    account_id: int
    registration: str | None


_LOT: Final = text(
    "SELECT t.closed_at, t.opens_at, l.registration_starts FROM lots t"
    " LEFT JOIN listings l ON l.lot = t.id WHERE t.id = :lot"
)
_TRACES: Final = text(
    "SELECT account_id, address_mark, device_mark FROM traces"
    " WHERE account_id = ANY(:accounts) AND day BETWEEN :since AND :until"
)
_PAYERS: Final = text(
    "SELECT DISTINCT sub_account, payer_key, payer_account FROM bank_transactions"
    " WHERE sub_account = ANY(:numbers) AND amount > 0"
)
_DUELS: Final = text(
    "SELECT e.lot, array_agg(DISTINCT e.line::jsonb ->> 'paddle') AS paddles FROM ledger_entries e"
    " WHERE e.kind = 'bid_accepted' AND e.lot IN"
    " (SELECT id FROM lots WHERE phase = 'closed' AND NOT starts_with(id, :rehearsal)"
    " ORDER BY closed_at DESC, id LIMIT :most)"
    " GROUP BY e.lot HAVING count(DISTINCT e.line::jsonb ->> 'paddle') = 2 ORDER BY e.lot"
).bindparams(rehearsal=REHEARSAL)


class Patterns:
    """What is found is never kept."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        self._engine = engine
        self._sealed = sealed

    async def of_lot(self, lot: str) -> tuple[Sequence[Bidder], Sequence[Finding]]:
        """Who could bid on a closed lot, and what they share. Raises StillSealed before the close."""
        bidders = await self._bidders(lot)
        async with self._engine.connect() as connection:
            devices, addresses = await _traces(connection, lot, bidders)
            operators = await self._operators(connection, bidders)
        payers = await self._payers(bidders)
        found = {
            Sign.SAME_DEVICE: devices,
            Sign.SAME_ADDRESS: addresses,
            Sign.SAME_PAYER: payers,
            Sign.SAME_OPERATOR: operators,
        }
        return bidders, [
            Finding(sign, paddles, times)
            for sign, values in found.items()
            for paddles, times in shared(values).items()
        ]

    async def pairs(self) -> Sequence[Pair]:
        """Who was alone with the same other on ALWAYS lots or more, of the latest LOTS_LOOKED_AT."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_DUELS, {"most": LOTS_LOOKED_AT})).all()
        duels: dict[tuple[int, int], list[str]] = defaultdict(list)
        for row in rows:
            accounts = [await self._sealed.account_after_close(row.lot, paddle) for paddle in row.paddles]
            known = sorted(one for one in accounts if one is not None)
            if len(set(known)) == 2:
                duels[known[0], known[1]].append(row.lot)
        often = [Pair(pair, tuple(lots)) for pair, lots in duels.items() if len(lots) >= ALWAYS]
        return sorted(often, key=lambda pair: (-len(pair.lots), pair.accounts))

    async def _bidders(self, lot: str) -> Sequence[Bidder]:
        found = []
        # Asked for first: before the close nothing else is even looked up.
        await self._sealed.names_after_close(lot, ())
        for paddle in sorted(await self._sealed.qualified(lot))[:MOST_BIDDERS]:
            account_id = await self._sealed.account_after_close(lot, paddle)
            if account_id is not None:
                registration = await self._sealed.registration_by_paddle(lot, paddle)
                found.append(Bidder(paddle, account_id, registration))
        return found

    async def _payers(self, bidders: Sequence[Bidder]) -> Mapping[str, Collection[str]]:
        """{paddle: who paid}, by name and by bank account."""
        paddles: dict[str, str] = {}
        for bidder in bidders:
            if bidder.registration and (number := await self._sealed.sub_account_of(bidder.registration)):
                paddles[number] = bidder.paddle
        if not paddles:
            return {}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_PAYERS, {"numbers": list(paddles)})).all()
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            found[paddles[row.sub_account]] |= {
                value
                for value in (f"name {row.payer_key}", f"account {row.payer_account}")
                if value[-1] != " "
            }
        return found

    async def _operators(
        self, connection: AsyncConnection, bidders: Sequence[Bidder]
    ) -> Mapping[str, Collection[str]]:
        """{paddle: contact, telephone, account for refunds} of the forms, which open after the close."""
        found: dict[str, set[str]] = {}
        for bidder in bidders:
            box = await box_of(connection, bidder.registration, APPLICATION) if bidder.registration else None
            if box is None or bidder.registration is None:
                continue
            try:
                data = await self._sealed.open(bidder.registration, APPLICATION, box)
            except (BoxBroken, NotYours):
                continue
            form = read_application(data)
            values = {"contact": payer_key(form.contact), "phone": form.phone, "refund": form.refund_account}
            found[bidder.paddle] = {f"{name} {value}" for name, value in values.items() if value}
        return found


async def _traces(
    connection: AsyncConnection, lot: str, bidders: Sequence[Bidder]
) -> tuple[Mapping[str, Collection[str]], Mapping[str, Collection[str]]]:
    """{paddle: marks} of devices and of addresses, between the announcement and the close."""
    row = (await connection.execute(_LOT, {"lot": lot})).one_or_none()
    if row is None:
        return {}, {}
    since, until = _span(row)
    paddles = {bidder.account_id: bidder.paddle for bidder in bidders}
    values = {"accounts": list(paddles), "since": since, "until": until}
    devices: dict[str, set[str]] = defaultdict(set)
    addresses: dict[str, set[str]] = defaultdict(set)
    for trace in (await connection.execute(_TRACES, values)).all():
        devices[paddles[trace.account_id]].add(trace.device_mark)
        addresses[paddles[trace.account_id]].add(trace.address_mark)
    return devices, addresses


def _span(row: Any) -> tuple[date, date]:
    until = datetime.fromtimestamp((row.closed_at or row.opens_at) / 1000, UTC)
    since = min(row.registration_starts or until, until - BEFORE)
    return since.date(), until.date()


def shared(values: Mapping[str, Iterable[str]]) -> dict[tuple[str, ...], int]:
    """Who has the same value as somebody else: {who together: how many values}."""
    owners: dict[str, set[str]] = defaultdict(set)
    for owner, owned in values.items():
        for value in owned:
            owners[value].add(owner)
    found: dict[tuple[str, ...], int] = defaultdict(int)
    for together in owners.values():
        if len(together) > 1:
            found[tuple(sorted(together))] += 1
    return dict(sorted(found.items()))
