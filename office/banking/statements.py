"""Statements of banks: rows of text to transactions, by the column map of the bank. Pure; runs in a thread.

    statement = read(data, bank_called("shifan"))
    statement.rows        # what can be imported, if there are no faults
    statement.faults      # line, column and what is wrong

A row is known by the bank's serial number. A bank without one: by all that stands in the row, and by which
of its likes in the file it is, so that overlapping statements agree.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

from office.banking import sheets
from office.banking.amounts import NoAmount, fen_of
from office.banking.banks import Bank, ColumnMap
from office.banking.numbers import found_in
from office.banking.sheets import NoSheet, OldExcel, Sheet, SheetRow, TooLong

BEIJING: Final = timezone(timedelta(hours=8))
HEADER_WITHIN: Final = 30
"""Rows in which the headings are looked for: banks write a few lines above them."""
MOST_FAULTS: Final = 1_000
LONGEST: Final = {"serial": 60, "payer_name": 200, "payer_account": 60, "payer_bank": 200, "remark": 500}
_USUAL: Final = "%Y-%m-%d %H:%M:%S"
_SUMS: Final = re.compile(r"合\s*计|总\s*计|小\s*计|本页|以下空白|total", re.IGNORECASE)


class FaultKind(StrEnum):
    NO_SHEET = "no_sheet"
    OLD_EXCEL = "old_excel"
    TOO_LONG = "too_long"
    NO_HEADER = "no_header"
    EMPTY = "empty"
    MISSING = "missing"
    AMOUNT = "amount"
    BOTH_WAYS = "both_ways"
    DIRECTION = "direction"
    TIME = "time"
    LOST_DIGITS = "lost_digits"
    REVERSED = "reversed"
    """A negative amount in a column that has a direction: a booking taken back, which is no income."""
    TOO_LONG_TEXT = "too_long_text"
    TWICE = "twice"
    """One serial number with different contents."""


@dataclass(frozen=True, slots=True)
class StatementFault:
    """What is wrong in a line (0: in the file as a whole); `text` is what stands there."""

    line: int
    kind: FaultKind
    column: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRow:
    """One transaction. Fen, plus is in, minus is out. `sub_account`: one of ours by its form, or "". It can't
    print who paid."""

    line: int = field(compare=False)
    serial: str
    amount: int
    value_time: datetime
    payer_name: str = field(repr=False)
    payer_account: str = field(repr=False)
    payer_bank: str
    sub_account: str
    remark: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """`skipped`: lines without a transaction, such as sums."""

    rows: tuple[BankRow, ...]
    faults: tuple[StatementFault, ...]
    skipped: int = 0

    @property
    def incoming(self) -> int:
        return sum(row.amount for row in self.rows if row.amount > 0)

    @property
    def outgoing(self) -> int:
        return -sum(row.amount for row in self.rows if row.amount < 0)


class RowFault(Exception):
    def __init__(self, kind: FaultKind, column: str, text: str = "") -> None:
        super().__init__(kind)
        self.kind, self.column, self.text = kind, column, text[:60]


def read(data: bytes, bank: Bank) -> Statement:
    """Everything that stands in a file, and everything that is wrong with it."""
    whole = {NoSheet: FaultKind.NO_SHEET, OldExcel: FaultKind.OLD_EXCEL, TooLong: FaultKind.TOO_LONG}
    try:
        sheet = sheets.read_sheet(data)
    except NoSheet as broken:
        return Statement((), (StatementFault(0, whole[type(broken)]),))
    columns, header = _header(sheet, bank.statement)
    if header is None:
        lacking = sorted(bank.statement.headings[name][0] for name in bank.statement.required - set(columns))
        return Statement((), (StatementFault(0, FaultKind.NO_HEADER, text="、".join(lacking)),))
    return _Reader(bank.statement, columns, sheet).read(sheet.rows[header + 1 :])


def _header(sheet: Sheet, column_map: ColumnMap) -> tuple[Mapping[str, int], int | None]:
    """Where the columns are, and in which row the headings; without one, the row that came nearest."""
    best: Mapping[str, int] = {}
    for place, row in enumerate(sheet.rows[:HEADER_WITHIN]):
        found = _columns(row.cells, column_map)
        if column_map.required <= set(found):
            return found, place
        best = max(best, found, key=len)
    return best, None


def _columns(cells: Sequence[str], column_map: ColumnMap) -> Mapping[str, int]:
    places = {re.sub(r"\s|[（(].*", "", cell): at for at, cell in reversed(list(enumerate(cells))) if cell}
    found = {}
    for name, headings in column_map.headings.items():
        at = next((places[heading] for heading in headings if heading in places), None)
        if at is not None:
            found[name] = at
    return found


class _Reader:
    """One file with its columns."""

    def __init__(self, column_map: ColumnMap, columns: Mapping[str, int], sheet: Sheet) -> None:
        self._map = column_map
        self._columns = columns
        self._sheet = sheet
        self._likes: Counter[str] = Counter()
        self._formats = list(column_map.time_formats)

    def read(self, rows: Sequence[SheetRow]) -> Statement:
        faults: list[StatementFault] = []
        found: dict[str, BankRow] = {}
        skipped = 0
        for row in rows:
            if self._says_nothing(row):
                skipped += 1
                continue
            try:
                self._put(found, self._row(row))
            except RowFault as wrong:
                faults.append(StatementFault(row.line, wrong.kind, self._heading(wrong.column), wrong.text))
                if len(faults) >= MOST_FAULTS:
                    break
        if not found and not faults:
            faults.append(StatementFault(0, FaultKind.EMPTY))
        return Statement(tuple(found.values()), tuple(faults), skipped)

    def _put(self, found: dict[str, BankRow], row: BankRow) -> None:
        """The same line twice in one file is once; the same serial with something else is a fault."""
        if found.setdefault(row.serial, row) != row:
            raise RowFault(FaultKind.TWICE, "serial", row.serial)

    def _says_nothing(self, row: SheetRow) -> bool:
        filled = [cell for cell in row.cells if cell]
        return not filled or (_SUMS.match(filled[0]) is not None and not self._cell(row, "payer_name"))

    def _cell(self, row: SheetRow, name: str) -> str:
        at = self._columns.get(name)
        return row.cells[at] if at is not None and at < len(row.cells) else ""

    def _heading(self, name: str) -> str:
        return self._map.headings[name][0] if name in self._map.headings else ""

    def _row(self, row: SheetRow) -> BankRow:
        amount, moment = self._amount(row), self._moment(row)
        texts = {name: self._text(row, name) for name in LONGEST if name != "serial"}
        number = self._number(row, "sub_account")
        return BankRow(
            line=row.line,
            serial=self._serial(row),
            amount=amount,
            value_time=moment,
            sub_account=found_in(number, texts["remark"]),
            **texts,
        )

    def _text(self, row: SheetRow, name: str) -> str:
        if name == "payer_account":
            text = self._number(row, name)
        else:  # a sub-account may stand in the remark, and nothing else in it
            text = self._exact(name, self._cell(row, name))
        if len(text) > LONGEST[name]:
            raise RowFault(FaultKind.TOO_LONG_TEXT, name, text)
        return text

    def _number(self, row: SheetRow, name: str) -> str:
        """A number that identifies something. One that a spreadsheet has written as 6.2E+17, or keeps as a
        number although it is longer than fifteen digits, is not what the bank wrote."""
        text = self._cell(row, name)
        if self._sheet.spreadsheet and re.fullmatch(r"[0-9.]+[eE]\+?[0-9]+", text):
            raise RowFault(FaultKind.LOST_DIGITS, name, text)
        return self._exact(name, text)

    def _exact(self, name: str, text: str) -> str:
        if self._sheet.has_lost_digits(text):
            raise RowFault(FaultKind.LOST_DIGITS, name, text)
        return text

    def _serial(self, row: SheetRow) -> str:
        if "serial" in self._columns:
            serial = self._number(row, "serial")
            if not serial:
                raise RowFault(FaultKind.MISSING, "serial")
            if len(serial) > LONGEST["serial"] or serial.startswith("#"):
                raise RowFault(FaultKind.TOO_LONG_TEXT, "serial", serial)
            return serial
        said = "\x1f".join(self._cell(row, name) for name in sorted(self._columns))
        digest = hashlib.sha256(said.encode()).hexdigest()[:40]
        self._likes[digest] += 1
        return f"#{digest}-{self._likes[digest]}"

    def _amount(self, row: SheetRow) -> int:
        if "amount" in self._columns:
            return self._directed(row)
        into, out = self._fen(row, "credit"), self._fen(row, "debit")
        for name, amount in (("credit", into), ("debit", out)):
            if amount < 0:
                raise RowFault(FaultKind.REVERSED, name, self._cell(row, name))
        if into and out:
            raise RowFault(FaultKind.BOTH_WAYS, "credit", self._cell(row, "credit"))
        if not into and not out:
            raise RowFault(FaultKind.AMOUNT, "credit", self._cell(row, "credit"))
        return into - out

    def _directed(self, row: SheetRow) -> int:
        amount, way = self._fen(row, "amount"), self._cell(row, "direction")
        if not amount:
            raise RowFault(FaultKind.AMOUNT, "amount", self._cell(row, "amount"))
        if way not in self._map.incoming | self._map.outgoing:
            raise RowFault(FaultKind.DIRECTION, "direction", way)
        if way in self._map.outgoing:
            return -abs(amount)
        if amount < 0:
            raise RowFault(FaultKind.REVERSED, "amount", self._cell(row, "amount"))
        return amount

    def _fen(self, row: SheetRow, name: str) -> int:
        """An empty cell, or a dash, is zero: the money went the other way."""
        text = self._cell(row, name)
        if text in ("", "-", "--", "—"):
            return 0
        try:
            return fen_of(text)
        except NoAmount as wrong:
            raise RowFault(FaultKind.AMOUNT, name, text) from wrong

    def _moment(self, row: SheetRow) -> datetime:
        name = "time" if "time" in self._columns else "date"
        text = " ".join(part for part in (self._cell(row, name), self._clock(row)) if part)
        for form in list(self._formats):
            try:
                moment = _parsed(text, form).replace(tzinfo=BEIJING)
            except ValueError:
                continue
            if form != self._formats[0]:
                self._formats = [form, *(each for each in self._formats if each != form)]
            return moment.astimezone(UTC)
        raise RowFault(FaultKind.TIME, name, text)

    def _clock(self, row: SheetRow) -> str:
        """Spreadsheets drop the leading zero of 093000."""
        text = self._cell(row, "clock")
        return text.zfill(6) if text.isdigit() and len(text) < 6 else text


def _parsed(text: str, form: str) -> datetime:
    """As strptime does; the usual form on a way that takes a tenth of the time. Raises ValueError."""
    if form == _USUAL and len(text) == 19 and text[4] == text[7] == "-" and text[10] == " ":
        return datetime.fromisoformat(text)
    return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is put in by who calls
