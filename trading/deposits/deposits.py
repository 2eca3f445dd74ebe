"""Deposits: a sub-account for each registration, what is in it, and what becomes of it.

    deposits = Deposits(engine, sealed)
    number = await deposits.open_sub_account(registration, "example", due, "某某", deadline, now=now)
    state = await deposits.state_of(registration)
    await deposits.release(registrations, now=now)          # back to where it came from

Whose sub-account it is, only the sealed process says. Money is matched by the steward
(`rounds.MatchingRound`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.banking import journal, numbers
from office.banking.banks import Bank, bank_called
from office.banking.journal import Ledger, Posting
from office.banking.payers import payer_key
from office.blurring import blurred
from office.sealed.port import Sealed
from trading.deposits import prices, rows
from trading.deposits.judging import judge
from trading.deposits.rows import SubAccount
from trading.deposits.states import DepositState, Disposition
from trading.deposits.terms import TermsOf, listed_terms
from trading.working_days import DueDay, calendar_of, day_of

TRIES: Final = 5
LONGEST_REASON: Final = 500
DISPOSITIONS: Final[dict[Disposition, frozenset[Disposition]]] = {
    Disposition.HELD: frozenset({Disposition.RELEASED, Disposition.CREDITED, Disposition.FORFEITED}),
    Disposition.CREDITED: frozenset({Disposition.FORFEITED, Disposition.RELEASED}),
    Disposition.RELEASED: frozenset(),
    Disposition.FORFEITED: frozenset(),
}
"""What may be decided after what. A credit is undone when the award is."""


class NoSubAccount(LookupError):
    """This registration has none."""


class AlreadyDecided(Exception):
    """The deposit was released, credited or forfeited before, and this no longer goes."""

    def __init__(self, disposition: Disposition) -> None:
        super().__init__(disposition)
        self.disposition = disposition


class DeadlinePassed(ValueError):
    """Nothing can be paid in any more."""


class MarkRefused(ValueError):
    """The mark would lie in the future, or before an earlier one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """What a bidder sees of the own deposit: the number to pay into, what is due, what is in."""

    sub_account: str
    bank: Bank
    due: Fen
    payer_name: str
    state: DepositState
    disposition: Disposition
    received: Fen
    """All that came and has not gone back."""
    refund_by: DueDay | None
    """When what goes back has to be back; None: nothing has been decided."""
    reason: str

    @property
    def shown_number(self) -> str:
        return numbers.shown(self.sub_account)

    @property
    def missing(self) -> Fen:
        return Fen(max(0, self.due - self.received)) if self.state is DepositState.SHORT else Fen(0)


class Deposits:
    """Every method is one transaction of its own, and may be repeated."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed, terms_of: TermsOf | None = None) -> None:
        self._engine = engine
        self._sealed = sealed
        self._terms_of = terms_of or listed_terms(engine, sealed)

    # for registrations

    async def open_sub_account(
        self,
        registration: str,
        bank: str,
        due: Fen,
        payer_name: str,
        deadline: datetime | None,
        *,
        now: datetime,
    ) -> str:
        """The number to pay into; the same one when it is asked for again.

        The deadline is not kept (see `terms`). Raises DeadlinePassed, KeyError for a bank that is not there.
        """
        chosen = bank_called(bank)
        if deadline is not None and now > deadline:
            raise DeadlinePassed(registration)
        number = await self._sealed.sub_account_of(registration) or await self._bind(chosen, registration)
        row = {"number": number, "bank": chosen.id, "due": due, "name": payer_name, "now": blurred(now)}
        state = DepositState.PAID if due == 0 else DepositState.DUE
        more = {"key": payer_key(payer_name), "state": state.value, "enough": due == 0, "day": day_of(now)}
        put = text(
            "INSERT INTO sub_accounts (sub_account, bank, due, payer_name, payer_key, state, enough,"
            " told_enough, made_on, changed_at)"
            " VALUES (:number, :bank, :due, :name, :key, :state, :enough, false, :day, :now)"
            " ON CONFLICT (sub_account) DO NOTHING"
        )
        async with self._engine.begin() as connection:
            await connection.execute(put, row | more)
        return number

    async def _bind(self, bank: Bank, registration: str) -> str:
        """The sealed process first: a number that nobody knows does no harm, a row that nobody owns would."""
        for _ in range(TRIES):
            number = numbers.draw(bank.sub_account_prefix)
            if await self._is_taken(number):
                continue
            try:
                await self._sealed.bind_sub_account(number, registration)
            except ValueError:
                if (other := await self._sealed.sub_account_of(registration)) is not None:
                    return other
                continue
            return number
        raise AssertionError("no free number among ten thousand million")

    async def _is_taken(self, number: str) -> bool:
        found = text(
            "SELECT EXISTS (SELECT FROM sub_accounts WHERE sub_account = :number)"
            " OR EXISTS (SELECT FROM price_accounts WHERE number = :number)"
        )
        async with self._engine.connect() as connection:
            return bool(await connection.scalar(found, {"number": number}))

    async def state_of(self, registration: str) -> DepositState | None:
        """None: there is no sub-account."""
        found = await self.of_registration(registration)
        return found.state if found else None

    async def of_registration(self, registration: str) -> Deposit | None:
        """For the registrant's own page; who asks has made sure that it is theirs."""
        number = await self._sealed.sub_account_of(registration)
        return None if number is None else (await self.of_sub_accounts([number])).get(number)

    async def of_sub_accounts(self, numbers: Collection[str]) -> dict[str, Deposit]:
        """{number: deposit} of those that have a row, with one query for each table; for their own people's
        pages."""
        async with self._engine.connect() as connection:
            found = await rows.several(connection, numbers)
            moneys = await rows.moneys_of_all(connection, list(found))
            calendar = await calendar_of(connection)
        return {
            number: Deposit(
                sub_account=number,
                bank=bank_called(row.bank),
                due=row.due,
                payer_name=row.payer_name,
                state=row.state,
                disposition=row.disposition,
                received=Fen(sum(money.left for money in moneys.get(number, ()))),
                refund_by=calendar.add(row.decided_on, row.refund_days) if row.decided_on else None,
                reason=row.reason,
            )
            for number, row in found.items()
        }

    # what becomes of it

    async def release(self, registrations: Iterable[str], *, now: datetime) -> int:
        """They are no longer held: all goes back within the profile's working days, also what comes later.
        How many were released now. Those without a sub-account, or decided otherwise before, stay as they
        are."""
        released = 0
        for registration in registrations:
            number = await self._sealed.sub_account_of(registration)
            if number is None:
                continue
            days = (await self._terms_of(registration)).refund_working_days
            async with self._engine.begin() as connection:
                found = await rows.read(connection, number, lock=True)
                if found is None or Disposition.RELEASED not in DISPOSITIONS[found.disposition]:
                    continue
                await self._uncredit(connection, found, now)
                await rows.change(
                    connection,
                    number,
                    now,
                    disposition=Disposition.RELEASED.value,
                    taken=0,
                    decided_on=day_of(now),
                    refund_days=days,
                    judged=False,
                )
                released += 1
        return released

    async def credit(self, registration: str, lot: str, *, now: datetime) -> Fen:
        """The winner's deposit counts towards the price of the lot: how much. What is over goes back.

        The lot's price account has to be there (prices.open_price_account). Raises NoSubAccount,
        AlreadyDecided.
        """
        number, deadline = await self._number_and_deadline(registration)
        async with self._engine.begin() as connection:
            found = await self._locked(connection, number, Disposition.CREDITED)
            if found.disposition is Disposition.CREDITED:
                return found.taken
            taken = await self._counted(connection, found, deadline)
            await prices.credit(connection, lot, number, taken, now=now)
            await self._decide(connection, found, Disposition.CREDITED, taken, now)
        return taken

    async def forfeit(self, registration: str, reason: str, *, now: datetime) -> Fen:
        """The deposit is kept because of a default: how much. Also after it was credited.

        Raises NoSubAccount, AlreadyDecided; ValueError without a reason.
        """
        if not 0 < len(reason.strip()) <= LONGEST_REASON:
            raise ValueError("a forfeiture has a reason")
        number, deadline = await self._number_and_deadline(registration)
        async with self._engine.begin() as connection:
            found = await self._locked(connection, number, Disposition.FORFEITED)
            if found.disposition is Disposition.FORFEITED:
                return found.taken
            taken = found.taken or await self._counted(connection, found, deadline)
            await self._uncredit(connection, found, now)
            if taken:
                lines = journal.moved((Ledger.DEPOSIT, number), (Ledger.FORFEIT, number), taken)
                text_ = "保证金不予退还"
                await journal.post(
                    connection, Posting(at=now, reference=f"forfeit {number}", text=text_, lines=lines)
                )
            await self._decide(connection, found, Disposition.FORFEITED, taken, now, reason.strip())
        return taken

    async def _number_and_deadline(self, registration: str) -> tuple[str, datetime | None]:
        number = await self._sealed.sub_account_of(registration)
        if number is None:
            raise NoSubAccount(registration)
        return number, (await self._terms_of(registration)).deadline

    async def _locked(self, connection: AsyncConnection, number: str, wanted: Disposition) -> SubAccount:
        found = await rows.read(connection, number, lock=True)
        if found is None:
            raise NoSubAccount(number)
        if found.disposition is not wanted and wanted not in DISPOSITIONS[found.disposition]:
            raise AlreadyDecided(found.disposition)
        return found

    async def _counted(
        self, connection: AsyncConnection, found: SubAccount, deadline: datetime | None
    ) -> Fen:
        moneys = await rows.moneys_of(connection, found.sub_account)
        return Fen(min(found.due, judge(found.held(deadline), moneys).counted))

    async def _uncredit(self, connection: AsyncConnection, found: SubAccount, now: datetime) -> None:
        if found.disposition is Disposition.CREDITED and found.taken:
            await prices.uncredit(connection, found.sub_account, found.taken, now=now)

    async def _decide(
        self,
        connection: AsyncConnection,
        found: SubAccount,
        disposition: Disposition,
        taken: Fen,
        now: datetime,
        reason: str = "",
    ) -> None:
        """What is over goes back on the next round, within the same working days as any refund."""
        await rows.change(
            connection,
            found.sub_account,
            now,
            disposition=disposition.value,
            state=disposition.value,
            taken=taken,
            reason=reason,
            decided_on=day_of(now),
            judged=False,
        )

    # statements

    async def mark_complete_until(self, moment: datetime, by: int, *, now: datetime) -> None:
        """Finance says: all that the banks booked up to then has been imported. Raises MarkRefused."""
        async with self._engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('statement_marks'))"))
            latest = await connection.scalar(text("SELECT max(until) FROM statement_marks"))
            if moment > now or (latest is not None and moment < latest):
                raise MarkRefused(moment.isoformat())
            put = "INSERT INTO statement_marks (until, marked_by, marked_at) VALUES (:until, :by, :now)"
            await connection.execute(text(put), {"until": moment, "by": by, "now": now})

    async def marked_until(self) -> datetime | None:
        """What finance said, whether or not everything has been matched yet."""
        async with self._engine.connect() as connection:
            marked: datetime | None = await connection.scalar(text("SELECT max(until) FROM statement_marks"))
            return marked

    async def complete_until(self) -> datetime | None:
        """The mark, once all money is matched and every registration has been told; None: not yet, or
        never."""
        waiting = text(
            "SELECT EXISTS (SELECT FROM moneys WHERE standing = 'unseen')"
            " OR EXISTS (SELECT FROM sub_accounts WHERE NOT judged)"
            " OR EXISTS (SELECT FROM sub_accounts WHERE told_enough IS DISTINCT FROM enough)"
        )
        async with self._engine.connect() as connection:
            if await connection.scalar(waiting):
                return None
        return await self.marked_until()
