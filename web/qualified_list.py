"""The list of those who may bid, as it is pasted or uploaded: a login a line, with a rank of priority."""

import unicodedata
from dataclasses import dataclass, replace
from typing import Final

from bidding.terms import PriorityMode
from office.accounts import login_from
from office.sealed import MOST_QUALIFIED, MOST_RANKS, ListFault, ListFaults, QualifiedRow, Wrong

_HEADINGS: Final = ("login", "账号", "帐号")
_NO_TEXT: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\xff\xfe", b"\xfe\xff")
"""How .xlsx, .xls and UTF-16 begin."""


@dataclass(frozen=True, slots=True)
class TypedList:
    """The rows, the line on which each stands in what was typed, and wrong ranks (0 in the rows)."""

    rows: tuple[QualifiedRow, ...]
    lines: tuple[int, ...]
    faults: tuple[ListFault, ...] = ()

    def by_line(self, faults: tuple[ListFault, ...]) -> tuple[ListFault, ...]:
        """Faults that count rows (from 1), told by the lines that the person sees."""
        return tuple(
            replace(fault, line=self.lines[fault.line - 1]) if fault.line else fault for fault in faults
        )


def parse(text: str, mode: PriorityMode) -> TypedList:
    """The rows of a list; empty lines and a heading are skipped. Raises ListFaults for no list at all.

    A line is `login` or `login,rank` (comma, tab or semicolon); 0 is no priority right, 1 the highest rank.
    """
    typed = [
        (number, [cell.strip(' "') for cell in _plain(line).split(",")])
        for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1)
        if line.strip(" ,;\t")
    ]
    if typed and typed[0][1][0].lower() in _HEADINGS:
        typed = typed[1:]
    if not typed or len(typed) > MOST_QUALIFIED:
        raise ListFaults([ListFault(0, Wrong.EMPTY if not typed else Wrong.TOO_MANY)])
    ranks = [_rank(cells, mode) for _, cells in typed]
    logins = [login_from(cells[0])[:40] for _, cells in typed]
    faults = tuple(
        ListFault(number, Wrong.RANK, login)
        for (number, _), login, rank in zip(typed, logins, ranks, strict=True)
        if rank is None
    )
    rows = tuple(QualifiedRow(login, rank or 0) for login, rank in zip(logins, ranks, strict=True))
    return TypedList(rows, tuple(number for number, _ in typed), faults)


def _plain(line: str) -> str:
    return unicodedata.normalize("NFKC", line).replace("\t", ",").replace(";", ",")


def _rank(cells: list[str], mode: PriorityMode) -> int | None:
    """The rank in the second column; None for what is none, or for a right that this lot does not grant."""
    text = cells[1] if len(cells) > 1 else ""
    if any(cells[2:]):
        return None
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        return None
    rank = int(text)
    return rank if rank <= MOST_RANKS and (rank == 0 or mode is not PriorityMode.NONE) else None


def is_text(content: bytes) -> bool:
    """False for a workbook (.xlsx, .xls), UTF-16, and whatever else is no text in a usual encoding."""
    return not content.startswith(_NO_TEXT) and b"\0" not in content


def decoded(content: bytes) -> str:
    """An uploaded file's text: UTF-8, or the GB 18030 that spreadsheets write here."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("gb18030", errors="replace")
