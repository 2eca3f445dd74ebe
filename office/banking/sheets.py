"""Files of banks as rows of text: CSV in UTF-8 or GB 18030, and XLSX. Pure but for the libraries; runs in
a thread.

Cells are text and nothing else: an amount that was a float once is no amount.
"""

import csv
import io
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from office.banking import workbooks
from office.banking.workbooks import Fit

if TYPE_CHECKING:
    import polars

MOST_ROWS: Final = 200_000
LARGEST_UNPACKED: Final = 400 << 20
LONGEST_CELL: Final = 2_000
MOST_CELLS: Final = 60
_AROUND: Final = string.whitespace + "\u3000\xa0\ufeff'"
"""What stands around a cell's text and is none of it."""
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]*)?(?:[eE]\+?[0-9]{1,4})?")
_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"


class NoSheet(ValueError):
    """The file can't be read as a table."""


class OldExcel(NoSheet):
    """An .xls file, which nobody writes any more."""


class TooLong(NoSheet):
    """More rows or columns than a statement may have, or more when unpacked."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row with its line, as the person who opens the file counts them."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`rounded`: numbers of a spreadsheet that are longer than it keeps numbers exactly."""

    rows: tuple[SheetRow, ...]
    spreadsheet: bool = False
    rounded: frozenset[float] = frozenset()

    def has_lost_digits(self, cell: str) -> bool:
        """Whether a cell's text was such a number: its last digits are zeros, or somebody else's."""
        return bool(self.rounded) and _NUMBER.fullmatch(cell) is not None and float(cell) in self.rounded


def read_sheet(data: bytes) -> Sheet:
    """Raises NoSheet."""
    if data.startswith(_OLD_EXCEL):
        raise OldExcel
    if data.startswith(_ZIP):
        fit = _looked_at(data)
        return Sheet(tuple(_spreadsheet(fit.content)), spreadsheet=True, rounded=fit.rounded)
    return Sheet(tuple(_lines(_decoded(data))))


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise NoSheet("neither UTF-8 nor GBK")


def _lines(text: str) -> Iterator[SheetRow]:
    """CSV, or the same with tabs or semicolons."""
    head = text[:8192]
    separator = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False)
    try:
        for count, cells in enumerate(reader):
            if count >= MOST_ROWS:
                raise TooLong
            yield SheetRow(reader.line_num, _bounded(cells))
    except csv.Error as broken:
        raise NoSheet(str(broken)[:100]) from broken


def _spreadsheet(data: bytes) -> Iterator[SheetRow]:
    frame = _frame(data)
    if frame.height > MOST_ROWS:
        raise TooLong
    for line, cells in enumerate(frame.iter_rows(), start=1):
        yield SheetRow(line, _bounded(cells))


def _looked_at(data: bytes) -> Fit:
    """Before the reader makes room for anything."""
    try:
        return workbooks.fit_for_reading(data, rows=MOST_ROWS, columns=MOST_CELLS, unpacked=LARGEST_UNPACKED)
    except workbooks.TooMuch as broken:
        raise TooLong from broken
    except workbooks.Unfit as broken:
        raise NoSheet("no readable XLSX") from broken


def _frame(data: bytes) -> "polars.DataFrame":
    """The first sheet, all cells as text. The readers are large: only who reads an XLSX takes them in."""
    import fastexcel
    import polars

    try:
        sheet = fastexcel.read_excel(data).load_sheet(0, header_row=None, dtypes="string")
        return sheet.to_polars()
    except (fastexcel.FastExcelError, polars.exceptions.PolarsError) as broken:
        raise NoSheet("no readable XLSX") from broken


def _bounded(cells: Sequence[Any]) -> tuple[str, ...]:
    """Tabs that banks put before numbers, so that Excel leaves them alone, go away."""
    return tuple(str(cell)[:LONGEST_CELL].strip(_AROUND) if cell else "" for cell in cells[:MOST_CELLS])
