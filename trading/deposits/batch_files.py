"""Files between finance and the bank: what is to be paid, as CSV and XLSX, and what was, read back. Pure.

A cell never begins with what a spreadsheet takes for a formula, and long numbers are text.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]

from bidding.terms import Fen
from office.banking import sheets
from office.banking.amounts import NoAmount, fen_of, plain
from office.banking.banks import bank_called
from trading.deposits.refunds import LONGEST_FAILURE, Batch, Confirmed, Refund

HEADINGS: Final[tuple[str, ...]] = ("退款编号", "收款户名", "收款账号", "收款开户行", "金额", "附言")
CONFIRMATION_HEADINGS: Final[tuple[str, ...]] = ("退款编号", "金额", "结果", "原因")
PAID_WORDS: Final = frozenset({"成功", "已付款", "已入账", "success", "paid"})
FAILED_WORDS: Final = frozenset({"失败", "退汇", "未付款", "failed", "returned"})
LARGEST_CONFIRMATION: Final = 4 << 20
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class ConfirmationFault:
    """A line (0: the file) of a confirmation that can't be read; `text` is what stands there."""

    line: int
    column: str
    text: str


class UnreadableConfirmation(Exception):
    def __init__(self, faults: Sequence[ConfirmationFault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults)


def rows_of(refunds: Sequence[Refund]) -> Iterator[tuple[str, ...]]:
    """What the bank is to do, a row each. The number in the remark lets a returned transfer be recognized."""
    for each in refunds:
        texts = (each.number, each.payee_name, each.payee_account, each.payee_bank)
        yield *(_harmless(text) for text in texts), plain(each.amount), each.number


def as_csv(refunds: Sequence[Refund]) -> bytes:
    """UTF-8 with a mark, as Excel wants it."""
    written = io.StringIO(newline="")
    table = csv.writer(written)
    table.writerow(HEADINGS)
    table.writerows(rows_of(refunds))
    return written.getvalue().encode("utf-8-sig")


def as_xlsx(batch: Batch, refunds: Sequence[Refund]) -> bytes:
    """The same with a sum; every cell is text, so that no digit is lost."""
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet("退款")
    bold = book.add_format({"bold": True, "text_wrap": True, "border": 1})
    cell = book.add_format({"num_format": "@", "border": 1})
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 3, 28)
    sheet.set_column(4, 5, 20)
    sheet.write_string(0, 0, f"批次 {batch.number}　付款行 {bank_called(batch.bank).name}")
    for column, heading in enumerate(HEADINGS):
        sheet.write_string(1, column, heading, bold)
    for line, row in enumerate(rows_of(refunds), start=2):
        for column, text in enumerate(row):
            sheet.write_string(line, column, text, cell)
    sheet.write_string(2 + len(refunds), 0, "合计", bold)
    sheet.write_string(2 + len(refunds), 4, plain(sum(each.amount for each in refunds)), bold)
    sheet.freeze_panes(2, 0)
    book.close()
    return written.getvalue()


def confirmation_csv(refunds: Sequence[Refund]) -> bytes:
    """What a bank answers when all went well: for the demonstration's bank and for tests."""
    written = io.StringIO(newline="")
    table = csv.writer(written)
    table.writerow(CONFIRMATION_HEADINGS)
    table.writerows((each.number, plain(each.amount), "成功", "") for each in refunds)
    return written.getvalue().encode("utf-8-sig")


def read_confirmation(data: bytes) -> Sequence[Confirmed]:
    """The bank's answer, CSV or XLSX. Raises UnreadableConfirmation."""
    try:
        sheet = sheets.read_sheet(data)
    except sheets.NoSheet as broken:
        raise UnreadableConfirmation([ConfirmationFault(0, "", "")]) from broken
    wanted = CONFIRMATION_HEADINGS[:3]
    for place, row in enumerate(sheet.rows[:30]):
        if set(wanted) <= set(row.cells):
            columns = {name: row.cells.index(name) for name in CONFIRMATION_HEADINGS if name in row.cells}
            return _confirmed(sheet.rows[place + 1 :], columns)
    raise UnreadableConfirmation([ConfirmationFault(0, "、".join(wanted), "")])


def _confirmed(rows: Sequence[sheets.SheetRow], columns: dict[str, int]) -> Sequence[Confirmed]:
    faults: list[ConfirmationFault] = []
    found: dict[str, Confirmed] = {}
    for row in rows:
        cells = {name: row.cells[at] if at < len(row.cells) else "" for name, at in columns.items()}
        number, result = cells["退款编号"], cells["结果"].lower()
        if not number or number.startswith("合计"):
            continue
        try:
            amount = Fen(fen_of(cells["金额"]))
        except NoAmount:
            faults.append(ConfirmationFault(row.line, "金额", cells["金额"][:60]))
            continue
        if result not in PAID_WORDS | FAILED_WORDS:
            faults.append(ConfirmationFault(row.line, "结果", cells["结果"][:60]))
            continue
        why = cells.get("原因", "")[:LONGEST_FAILURE] or "银行未说明原因"
        line = Confirmed(number, amount, why if result in FAILED_WORDS else "")
        if found.setdefault(number, line) != line:
            faults.append(ConfirmationFault(row.line, "退款编号", number[:60]))
    if faults or not found:
        raise UnreadableConfirmation(faults or [ConfirmationFault(0, "退款编号", "")])
    return list(found.values())


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
