"""An invoice that is wrong is taken back by a corrective one (冲红), and another is issued in its place.

What can be wrong is who it is for and what it names; price, rate and fee follow from the sale. One person
of finance does it, with a reason; three rows and two postings stand for it, and none is edited.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.banking import journal
from office.banking.journal import Ledger, Posting
from office.banking.recording import record_act
from trading.deposits.fees import MOST_CORRECTIONS, Invoice, invoice_called, number_of

LONGEST_REASON: Final = 200
LONGEST_NAME: Final = 120
LONGEST_TITLE: Final = 200


class Obstacle(StrEnum):
    """Why an invoice was not corrected. Nothing was changed."""

    NO_REASON = "no_reason"
    NO_PAYER = "no_payer"
    TOO_LONG = "too_long"
    NOTHING_CHANGED = "nothing_changed"
    OVERTAKEN = "overtaken"
    """It has been taken back already, or takes another one back itself."""
    TOO_OFTEN = "too_often"


class NotCorrected(Exception):
    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What the invoice should have said, and why it did not."""

    payer_name: str
    title: str
    reason: str


_LOCK: Final = text(
    "SELECT p.number, (SELECT count(*) FROM invoices c WHERE c.lot = p.lot AND c.corrects IS NOT NULL)"
    " AS before FROM price_accounts p WHERE p.lot = (SELECT lot FROM invoices WHERE number = :number)"
    " AND p.state = 'paid' FOR UPDATE OF p"
)
_PUT: Final = text(
    "INSERT INTO invoices (number, kind, lot, payer_name, title, price, permille, amount, corrects,"
    " replaces, reason, made_by, made_at) SELECT :new, :kind, lot, :payer_name, :title, price, permille,"
    " :sign * amount, :corrects, :replaces, :reason, :by, :now FROM invoices WHERE number = :number"
)


async def correct(
    engine: AsyncEngine, number: str, correction: Correction, *, by: int, now: datetime
) -> Invoice:
    """The invoice that stands in its place. Raises LookupError, NotCorrected."""
    wanted = _checked(correction)
    async with engine.begin() as connection:
        account = (await connection.execute(_LOCK, {"number": number})).one_or_none()
        wrong = await invoice_called(connection, number)
        if account is None or wrong is None:
            raise LookupError(number)
        if not wrong.valid:
            raise NotCorrected(Obstacle.OVERTAKEN)
        if (wanted.payer_name, wanted.title) == (wrong.payer_name, wrong.title):
            raise NotCorrected(Obstacle.NOTHING_CHANGED)
        if account.before >= MOST_CORRECTIONS:
            raise NotCorrected(Obstacle.TOO_OFTEN)
        return await _write(connection, wrong, wanted, account, by, now)


async def _write(
    connection: AsyncConnection,
    wrong: Invoice,
    wanted: Correction,
    account: Row[Any],
    by: int,
    now: datetime,
) -> Invoice:
    place = account.before + 1
    corrective, another = (number_of(letters, account.number, now, place) for letters in ("HZ", "FW"))
    given = {"number": wrong.number, "reason": wanted.reason, "by": by, "now": now}
    old = {"payer_name": wrong.payer_name, "title": wrong.title, "kind": "corrective", "sign": -1}
    new = {"payer_name": wanted.payer_name, "title": wanted.title, "kind": "issued", "sign": 1}
    await connection.execute(
        _PUT, {**given, **old, "new": corrective, "corrects": wrong.number, "replaces": None}
    )
    await connection.execute(
        _PUT, {**given, **new, "new": another, "corrects": None, "replaces": wrong.number}
    )
    await _post(connection, wrong, account.number, corrective, another, now)
    facts = {"invoice": wrong.number, "corrective": corrective, "replacement": another}
    await record_act(connection, by, "invoice.correct", wrong.lot, facts, now)
    made = await invoice_called(connection, another)
    if made is None:
        raise AssertionError(f"{another} was written and is not there")
    return made


async def _post(
    connection: AsyncConnection, wrong: Invoice, account: str, corrective: str, another: str, now: datetime
) -> None:
    """The fee goes back to the price account and is taken from it again: each invoice has its posting."""
    price, fee, amount = (Ledger.PRICE, account), (Ledger.FEE, wrong.lot), Fen(wrong.amount)
    postings = (
        (f"invoice {corrective}", f"冲红发票 {wrong.number}", journal.moved(fee, price, amount)),
        (f"invoice {another}", f"重开发票 {wrong.number}", journal.moved(price, fee, amount)),
    )
    await journal.post_all(
        connection,
        [Posting(at=now, reference=reference, text=said, lines=lines) for reference, said, lines in postings],
    )


def _checked(correction: Correction) -> Correction:
    """Tidied. Raises NotCorrected."""
    payer, title, reason = (
        " ".join(each.replace("\0", "").split())
        for each in (correction.payer_name, correction.title, correction.reason)
    )
    if not payer:
        raise NotCorrected(Obstacle.NO_PAYER)
    if not reason:
        raise NotCorrected(Obstacle.NO_REASON)
    if len(payer) > LONGEST_NAME or len(title) > LONGEST_TITLE or len(reason) > LONGEST_REASON:
        raise NotCorrected(Obstacle.TOO_LONG)
    return Correction(payer_name=payer, title=title, reason=reason)
