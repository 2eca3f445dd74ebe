"""Money to its sub-account or price account, and what the account amounts to then.

Three steps, each a transaction of its own that a repetition finds done: money that nobody has looked at
gets its account; accounts that something happened to are judged, and what is to go back becomes refunds;
registrations whose deposit came in, or is lacking again, are told.
"""

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.banking import journal
from office.banking.journal import Ledger, Posting
from office.sealed.port import Sealed, SealedAway
from trading.deposits import planning, rows
from trading.deposits.judging import Judgement, judge
from trading.deposits.rows import SubAccount
from trading.deposits.states import ENOUGH, Disposition, MoneyStanding
from trading.deposits.terms import DepositTerms, TermsOf

AT_ONCE: Final = 500
"""Transactions of one step."""
ACCOUNTS_AT_ONCE: Final = 100

# A refund's number in a remark proves nothing by itself: the bank and the amount have to be the refund's, and
# it has to have been in a batch once. The bank may have failed it since, before the statement tells of it.
_UNSEEN: Final = text(
    "SELECT m.transaction_id AS id, t.bank, t.amount, t.remark, s.sub_account AS deposit, p.number AS price,"
    " r.number AS refund"
    " FROM moneys m JOIN bank_transactions t ON t.id = m.transaction_id"
    " LEFT JOIN sub_accounts s ON s.sub_account = t.sub_account AND t.sub_account <> ''"
    " LEFT JOIN price_accounts p ON p.number = t.sub_account AND t.sub_account <> ''"
    " LEFT JOIN refunds r ON r.number = substring(t.remark from 'TK[0-9]{14}')"
    " AND r.bank = t.bank AND r.amount = abs(t.amount) AND r.attempts > 0"
    " WHERE m.standing = 'unseen' ORDER BY m.transaction_id LIMIT :most FOR UPDATE OF m SKIP LOCKED"
)
_SEEN: Final = text(
    "UPDATE moneys SET account = given.account, standing = given.standing, changed_at = :now,"
    " version = version + 1 FROM unnest(CAST(:ids AS bigint[]), CAST(:accounts AS text[]),"
    " CAST(:standings AS text[])) AS given(id, account, standing) WHERE transaction_id = given.id"
)
_UNJUDGED: Final = {
    "sub_accounts": text("UPDATE sub_accounts SET judged = false WHERE sub_account = ANY(:accounts)"),
    "price_accounts": text("UPDATE price_accounts SET judged = false WHERE number = ANY(:accounts)"),
}


async def place_money(engine: AsyncEngine, now: datetime) -> int:
    """The first step: how much was looked at."""
    async with engine.begin() as connection:
        found = (await connection.execute(_UNSEEN, {"most": AT_ONCE})).all()
        if not found:
            return 0
        await journal.post_all(connection, [each for row in found if (each := _posting(row, now))])
        seen = {
            "ids": [row.id for row in found],
            "accounts": [row.deposit or row.price or "" for row in found],
            "standings": [_first_standing(row).value for row in found],
            "now": now,
        }
        await connection.execute(_SEEN, seen)
        await mark_unjudged(
            connection, [row.deposit or row.price for row in found if row.deposit or row.price]
        )
    return len(found)


def _posting(row: Row[Any], now: datetime) -> Posting | None:
    """What was held as nobody's is held for the account. A refund that came back is on its way out no
    more."""
    number = row.deposit or row.price
    if number:
        target = (Ledger.DEPOSIT if row.deposit else Ledger.PRICE, number)
        said = "入账至子账号"
    elif row.refund:
        target, said = (Ledger.SENT, row.bank), "退款被退回"
    else:
        return None
    lines = journal.moved((Ledger.SUSPENSE, row.bank), target, row.amount)
    return Posting(at=now, reference=f"match {row.id}", text=said, lines=lines)


def _first_standing(row: Row[Any]) -> MoneyStanding:
    """Until the account is judged, a moment later."""
    if row.deposit or row.price:
        return MoneyStanding.COUNTED
    return MoneyStanding.OUTGOING if row.refund else MoneyStanding.UNMATCHED


async def mark_unjudged(connection: AsyncConnection, accounts: Sequence[str]) -> None:
    """Something happened to these, in the caller's transaction."""
    for statement in _UNJUDGED.values():
        await connection.execute(statement, {"accounts": sorted(set(accounts))})


_TO_JUDGE: Final = text("SELECT sub_account FROM sub_accounts WHERE NOT judged LIMIT :most")
_LATE: Final = text(
    "SELECT DISTINCT m.account FROM moneys m JOIN sub_accounts s ON s.sub_account = m.account"
    " WHERE m.standing = 'late' AND s.disposition = 'held' AND s.judged LIMIT 1000"
)


async def judge_deposits(engine: AsyncEngine, sealed: Sealed, terms_of: TermsOf, now: datetime) -> int:
    """The second step. Sub-accounts with late money are judged each time: an extension makes it timely."""
    async with engine.connect() as connection:
        numbers = list((await connection.execute(_TO_JUDGE, {"most": ACCOUNTS_AT_ONCE})).scalars())
        late = list((await connection.execute(_LATE)).scalars())
    numbers += random.sample(late, min(len(late), ACCOUNTS_AT_ONCE))
    changed = 0
    faults: list[Exception] = []
    for number in numbers:
        try:
            registration = await sealed.registration_of_sub_account(number)
            terms = await terms_of(registration) if registration else DepositTerms(None)
            async with engine.begin() as connection:
                found = await rows.read(connection, number, lock=True)
                if found is not None:
                    changed += await judge_one(connection, found, terms.deadline, now)
        except SealedAway:
            raise
        except Exception as fault:  # one that can't be judged does not keep the others waiting
            faults.append(fault)
    if faults:
        raise faults[0]
    return changed


async def judge_one(
    connection: AsyncConnection, found: SubAccount, deadline: datetime | None, now: datetime
) -> bool:
    """Judge one locked sub-account and write what follows; whether anything is different now."""
    moneys = await rows.moneys_of(connection, found.sub_account)
    judgement = judge(found.held(deadline), moneys)
    if judgement.returns:
        await planning.plan_returns(connection, found, judgement.returns, now)
        moneys = await rows.moneys_of(connection, found.sub_account)
    gone = await rows.returned_whole(connection, found.sub_account)
    judgement = judge(found.held(deadline), moneys, all_paid_back=all(each.id in gone for each in moneys))
    standings = {
        number: MoneyStanding.RETURNED if standing is MoneyStanding.RETURNING and number in gone else standing
        for number, standing in judgement.standings.items()
    }
    await rows.write_standings(connection, standings, now)
    return await _write(connection, found, judgement, now)


async def _write(connection: AsyncConnection, found: SubAccount, judgement: Judgement, now: datetime) -> bool:
    """A decision about a deposit ends what its registration is told."""
    held = found.disposition is Disposition.HELD
    enough = judgement.state in ENOUGH if held else found.enough
    done = text("UPDATE sub_accounts SET judged = true WHERE sub_account = :number AND NOT judged")
    was_open = (await connection.execute(done, {"number": found.sub_account})).rowcount > 0
    if judgement.state is found.state and enough == found.enough:
        return was_open
    await rows.change(connection, found.sub_account, now, state=judgement.state.value, enough=enough)
    return True


async def tell_registrations(
    engine: AsyncEngine, sealed: Sealed, on_deposit_changed: Any, now: datetime
) -> int:
    """The third step: at least once, and the last word last: the row is locked while it is told."""
    found = text(
        "SELECT sub_account FROM sub_accounts WHERE told_enough IS DISTINCT FROM enough"
        " ORDER BY sub_account LIMIT :most"
    )
    async with engine.connect() as connection:
        waiting = list((await connection.execute(found, {"most": ACCOUNTS_AT_ONCE})).scalars())
    faults: list[Exception] = []
    for number in waiting:
        try:
            registration = await sealed.registration_of_sub_account(number)
            async with engine.begin() as connection:
                enough = await connection.scalar(_LOCK_UNTOLD, {"number": number})
                if enough is None:
                    continue  # another steward tells it, or has told it
                if registration is not None:
                    await on_deposit_changed(registration, bool(enough), now=now)
                await connection.execute(_TOLD, {"number": number})
        except SealedAway:
            raise
        except Exception as fault:  # one that does not listen does not keep the others waiting
            faults.append(fault)
    if faults:
        raise faults[0]
    return len(waiting)


_LOCK_UNTOLD: Final = text(
    "SELECT enough FROM sub_accounts WHERE sub_account = :number AND told_enough IS DISTINCT FROM enough"
    " FOR UPDATE SKIP LOCKED"
)
_TOLD: Final = text("UPDATE sub_accounts SET told_enough = enough WHERE sub_account = :number")
