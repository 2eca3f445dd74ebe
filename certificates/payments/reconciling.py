"""The provider's daily file against our books: every difference has a name, and a way to mend it.

A file is CSV: 交易号, 商户单号, 类型 (支付 or 退款), 金额, 时间; of one day in Beijing.
"""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.scope import PaymentWay
from certificates.payments.demonstration import COLUMNS, MOST_LINES
from certificates.payments.notices import LONGEST_NUMBER, NUMBER, take_paid
from certificates.payments.port import Paid, PaymentProvider, ProviderAway
from certificates.payments.receipts import Conflict
from office.banking.amounts import NoAmount, fen_of
from office.banking.signed import EARLIEST, LATEST, LONGEST_MOMENT
from office.marks import Marks
from office.working_days import BEIJING

LARGEST: Final = 16 << 20
MOST_DIFFERENCES: Final = 500
PAGE: Final = 30


class LineKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


_KINDS: Final = {"支付": LineKind.PAYMENT, "退款": LineKind.REFUND}


@dataclass(frozen=True, slots=True)
class DayLine:
    """One line of a side. `number`: the provider's of a payment, ours of a refund."""

    kind: LineKind
    number: str
    charge: str
    fen: int
    at: datetime


class DifferenceKind(StrEnum):
    """What can be different; the sums say how much."""

    ONLY_THEIRS = "only_theirs"
    """They have it, we do not: a notification was lost. It is taken when the provider's own file has it."""
    ONLY_OURS = "only_ours"
    """We have it, they do not."""
    OTHER_SUM = "other_sum"
    OTHER_CHARGE = "other_charge"
    """Another number of ours stands with it."""
    TWICE = "twice"
    """Their file has it more than once."""
    OTHER_DAY = "other_day"
    """Their file has a line of another day."""


@dataclass(frozen=True, slots=True)
class Difference:
    kind: DifferenceKind
    line: LineKind
    number: str
    theirs: int
    ours: int
    charge: str = ""
    at: str = ""


class FileFault(ValueError):
    """The file can't be read; `line`: where, 0 for the whole."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def read_file(content: bytes) -> Sequence[DayLine]:
    """Raises FileFault."""
    if len(content) > LARGEST:
        raise FileFault(0)
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as broken:
        raise FileFault(0) from broken
    if not rows or tuple(rows[0]) != COLUMNS or len(rows) > MOST_LINES + 1:
        raise FileFault(0)
    return [_line(place, row) for place, row in enumerate(rows[1:], start=2) if row]


def _line(place: int, row: Sequence[str]) -> DayLine:
    if len(row) != len(COLUMNS) or row[2] not in _KINDS or len(row[4]) > LONGEST_MOMENT:
        raise FileFault(place)
    if not _is_number(row[0]) or (row[1] and not _is_number(row[1])):
        raise FileFault(place)
    try:
        fen, at = fen_of(row[3]), datetime.fromisoformat(row[4])
    except (NoAmount, ValueError) as wrong:
        raise FileFault(place) from wrong
    if fen <= 0 or at.tzinfo is None or not EARLIEST <= at.year <= LATEST:
        raise FileFault(place)
    return DayLine(_KINDS[row[2]], row[0], row[1], fen, at)


def _is_number(written: str) -> bool:
    return len(written) <= LONGEST_NUMBER and NUMBER.fullmatch(written) is not None


def compare(day: date, theirs: Sequence[DayLine], ours: Iterable[DayLine]) -> Sequence[Difference]:
    """Every difference, in the order of the file, then what only we have. Pure."""
    known = {(one.kind, one.number): one for one in ours}
    counts = Counter((one.kind, one.number) for one in theirs)
    found, seen = list[Difference](), set[tuple[LineKind, str]]()
    for line in theirs:
        key = (line.kind, line.number)
        if key in seen:
            continue
        seen.add(key)
        kind = _difference(day, line, known.get(key), counts[key])
        if kind is not None:
            fen = known[key].fen if key in known else 0
            found.append(
                Difference(kind, line.kind, line.number, line.fen, fen, line.charge, line.at.isoformat())
            )
    left = [one for key, one in known.items() if key not in seen]
    found += [
        Difference(DifferenceKind.ONLY_OURS, one.kind, one.number, 0, one.fen, one.charge, one.at.isoformat())
        for one in left
    ]
    return found


def _difference(day: date, line: DayLine, ours: DayLine | None, times: int) -> DifferenceKind | None:
    if times > 1:
        return DifferenceKind.TWICE
    if line.at.astimezone(BEIJING).date() != day:
        return DifferenceKind.OTHER_DAY
    if ours is None:
        return DifferenceKind.ONLY_THEIRS
    if ours.fen != line.fen:
        return DifferenceKind.OTHER_SUM
    return DifferenceKind.OTHER_CHARGE if ours.charge != line.charge else None


_OURS: Final = text(
    "SELECT 'payment' AS kind, reference AS number, coalesce(charge, remark) AS charge, fen, paid_at AS at"
    " FROM order_receipts WHERE source = :way AND paid_at >= :since AND paid_at < :until"
    " UNION ALL SELECT 'refund', f.number, coalesce(r.charge, r.remark), f.fen, f.paid_at"
    " FROM order_refunds f JOIN order_receipts r ON r.id = f.receipt_id"
    " WHERE f.way = :way AND f.state = 'paid' AND f.paid_at >= :since AND f.paid_at < :until"
    " LIMIT :most"
)
_KEEP: Final = text(
    "INSERT INTO payment_reconciliations (way, day, digest, line_count, differences, made_by, made_at)"
    " VALUES (:way, :day, :digest, :lines, CAST(:differences AS jsonb), :by, :now) RETURNING id"
)


async def ours_of(connection: AsyncConnection, way: PaymentWay, day: date) -> Sequence[DayLine]:
    since = datetime(day.year, day.month, day.day, tzinfo=BEIJING)
    values = {"way": way.value, "since": since, "until": since + timedelta(days=1), "most": MOST_LINES}
    rows = await connection.execute(_OURS, values)
    return [DayLine(LineKind(row.kind), row.number, row.charge, row.fen, row.at) for row in rows]


async def reconcile(
    connection: AsyncConnection, way: PaymentWay, day: date, content: bytes, *, by: int, now: datetime
) -> int:
    """Compare a file and keep what was found; its id. Raises FileFault."""
    theirs = read_file(content)
    found = compare(day, theirs, await ours_of(connection, way, day))
    values: dict[str, Any] = {"way": way.value, "day": day, "lines": len(theirs), "by": by, "now": now}
    values["digest"] = hashlib.sha256(content).hexdigest()
    values["differences"] = json.dumps([asdict(one) for one in found[:MOST_DIFFERENCES]])
    return int(await connection.scalar(_KEEP, values) or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    id: int
    way: PaymentWay
    day: date
    line_count: int
    differences: tuple[Difference, ...]
    made_at: datetime


async def latest(connection: AsyncConnection, page: int) -> tuple[Sequence[Reconciliation], int]:
    found = text("SELECT * FROM payment_reconciliations ORDER BY id DESC LIMIT :size OFFSET :offset")
    rows = await connection.execute(found, {"size": PAGE, "offset": (page - 1) * PAGE})
    shown = [_reconciliation(row._mapping) for row in rows]
    return shown, int(await connection.scalar(text("SELECT count(*) FROM payment_reconciliations")) or 0)


async def one(connection: AsyncConnection, number: int) -> Reconciliation | None:
    found = text("SELECT * FROM payment_reconciliations WHERE id = :id")
    row = (await connection.execute(found, {"id": number})).one_or_none()
    return _reconciliation(row._mapping) if row is not None else None


def _reconciliation(row: Mapping[Any, Any]) -> Reconciliation:
    differences = tuple(
        Difference(**each | {"kind": DifferenceKind(each["kind"]), "line": LineKind(each["line"])})
        for each in row["differences"]
    )
    return Reconciliation(
        id=row["id"],
        way=PaymentWay(row["way"]),
        day=row["day"],
        line_count=row["line_count"],
        differences=differences,
        made_at=row["made_at"],
    )


async def daily_of(provider: PaymentProvider, way: PaymentWay, day: date) -> bytes:
    """The provider's own file, bounded. Raises ProviderAway, also for one that is no file of a day."""
    content = await provider.daily(way, day)
    if len(content) > LARGEST:
        raise ProviderAway(way)
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    taken: int
    conflicts: int
    """Known with another sum, or for another code."""
    unconfirmed: int
    """The provider's own file does not have them so."""


async def take_missing(
    connection: AsyncConnection, marks: Marks, found: Reconciliation, own: bytes, now: datetime
) -> Taken:
    """Payments that only the provider has, as if it had notified them.

    `own`: the day's file as the provider gave it to us just now (daily_of). What was compared may have been
    uploaded by somebody: it says what to look for and gives no order any money. Taken is what the provider's
    file has as well, with the same number, code and sum. Raises FileFault about `own`.
    """
    vouched = {
        (one.number, one.charge, one.fen): one for one in read_file(own) if one.kind is LineKind.PAYMENT
    }
    taken = conflicts = unconfirmed = 0
    for each in found.differences:
        if each.kind is not DifferenceKind.ONLY_THEIRS or each.line is not LineKind.PAYMENT:
            continue
        line = vouched.get((each.number, each.charge, each.theirs))
        if line is None:
            unconfirmed += 1
            continue
        try:
            async with connection.begin_nested():
                paid = Paid(found.way, line.number, line.charge, line.fen, line.at)
                taken += await take_paid(connection, marks, paid, now)
        except Conflict:
            conflicts += 1
    return Taken(taken=taken, conflicts=conflicts, unconfirmed=unconfirmed)
