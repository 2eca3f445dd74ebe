"""The log as files for office programs: CSV and XLSX, bounded, with nothing that a program would run."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]

from office.audit.reading import Entry

HEADINGS: Final = ("时间（北京）", "操作者", "身份", "行为", "对象", "内容")
MOST_IN_XLSX: Final = 20_000
_FORMULA: Final = re.compile(r"^[=+\-@\t\r]")
_EIGHT_HOURS: Final = timedelta(hours=8)
"""China has had one time without summer time since 1992."""


def csv_head() -> bytes:
    """A mark that makes office programs read UTF-8, and the headings."""
    return b"\xef\xbb\xbf" + csv_rows([HEADINGS])


def csv_of(entries: Iterable[Entry]) -> bytes:
    return csv_rows(_cells(entry) for entry in entries)


def csv_rows(rows: Iterable[Sequence[str]]) -> bytes:
    """Cells that a program would take for a formula get an apostrophe before them."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return written.getvalue().encode()


def harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def xlsx(entries: Iterable[Entry]) -> bytes:
    """A workbook of one sheet: all cells are texts. At most MOST_IN_XLSX entries are written."""
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(content, options) as book:
        sheet = book.add_worksheet("审计日志")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 4, 22)
        sheet.set_column(5, 5, 80)
        for column, heading in enumerate(HEADINGS):
            sheet.write_string(0, column, heading)
        for number, entry in enumerate(entries, start=1):
            if number > MOST_IN_XLSX:
                break
            for column, cell in enumerate(_cells(entry)):
                sheet.write_string(number, column, cell[:32_000])
    return content.getvalue()


def _cells(entry: Entry) -> tuple[str, ...]:
    return (
        beijing(entry.at)[:10] if entry.day_only else beijing(entry.at),
        entry.actor,
        entry.role,
        entry.act,
        entry.subject,
        json.dumps(entry.facts, ensure_ascii=False, sort_keys=True) if entry.facts else "",
    )


def beijing(moment: datetime) -> str:
    return f"{moment.astimezone(UTC) + _EIGHT_HOURS:%Y-%m-%d %H:%M:%S}"
