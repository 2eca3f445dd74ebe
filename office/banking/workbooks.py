"""An XLSX that may be a stranger's, looked at before the reader allocates anything for it. Pure; runs in a
thread.

A few bytes can name the last cell of a sheet with sixteen thousand million, or one long text a million
times. So every part is inflated under a bound, read as a stream, and counted; what the reader gets is a new
archive of the parts that were read, and no other.
"""

import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

_CHUNK: Final = 1 << 16
MOST_PARTS: Final = 1_000
LONGEST_TEXTS: Final = 200 << 20
"""Characters of all cells, each text counted as often as a cell has it."""
MOST_EMPTY: Final = 1_000_000
"""Places without a cell between those that have one: the reader makes room for them."""
MOST_ROUNDED: Final = 1_000_000
EXACT: Final = 10.0**15
"""A spreadsheet keeps fifteen digits of a number: from here on the last ones are not what was meant."""
_CELL: Final = re.compile(r"([A-Za-z]{1,4})([0-9]{1,9})")
_XML: Final = (".xml", ".rels")


class Unfit(ValueError):
    """No workbook that a reader should see."""


class TooMuch(ValueError):
    """More than a workbook may hold."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The archive again with the parts that were looked at. `rounded`: numbers with more digits than a
    spreadsheet keeps, wherever they stand; what the reader makes of such a cell equals one of them."""

    content: bytes
    rounded: frozenset[float]


def fit_for_reading(data: bytes, *, rows: int, columns: int, unpacked: int) -> Fit:
    """Raises Unfit, TooMuch."""
    counted = _Counted(rows, columns)
    written = io.BytesIO()
    left = unpacked
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(written, "w") as checked:
            names = {each.filename: each for each in archive.infolist()}
            if len(names) > MOST_PARTS:
                raise TooMuch
            for name, each in names.items():
                part = _inflated(archive, each, left)
                left -= len(part)
                try:
                    _Part(counted).read(part)
                except expat.ExpatError as broken:
                    if name.lower().endswith(_XML):
                        raise Unfit(name[:60]) from broken
                    continue  # a picture, and such
                checked.writestr(name, part, compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as broken:
        raise Unfit("no readable archive") from broken
    counted.check_texts()
    return Fit(written.getvalue(), frozenset(counted.rounded))


def _inflated(archive: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> bytes:
    """What really comes out, whatever the archive says of its sizes."""
    taken = bytearray()
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            taken += chunk
            if len(taken) > most:
                raise TooMuch
    return bytes(taken)


def _column(letters: str) -> int:
    place = 0
    for letter in letters.upper():
        place = place * 26 + ord(letter) - 64
    return place


class _Counted:
    """What all parts of a workbook hold together."""

    def __init__(self, rows: int, columns: int) -> None:
        self.most_rows, self.most_columns = rows, columns
        self.shared: list[int] = []
        self.used: Counter[str] = Counter()
        self.texts = 0
        self.rounded: set[float] = set()

    def number(self, written: str) -> None:
        """A cell that is a number, as the file writes it."""
        if len(written) <= 15 and "E" not in written and "e" not in written:
            return
        try:
            value = float(written)
        except ValueError:
            return
        if abs(value) >= EXACT:
            self.rounded.add(value)
        if len(self.rounded) > MOST_ROUNDED:
            raise TooMuch

    def place(self, row: int, column: int) -> None:
        if row > self.most_rows or column > self.most_columns:
            raise TooMuch

    def check_texts(self) -> None:
        total = self.texts
        for number, times in self.used.items():
            place = int(number) if re.fullmatch(r"[0-9]{1,9}", number.strip()) else -1
            if not 0 <= place < len(self.shared):
                raise Unfit("a text that is not there")
            total += self.shared[place] * times
        if total > LONGEST_TEXTS:
            raise TooMuch


class _Part:
    """One part, read as a stream. Names count without their prefixes, as the reader takes them."""

    def __init__(self, counted: _Counted) -> None:
        self._counted = counted
        self._row = self._column = self._cells = 0
        self._last_row = self._last_column = 0
        self._in_sheet = self._in_shared = self._is_shared = self._is_number = False
        self._value: list[str] | None = None
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._begins
        parser.EndElementHandler = self._ends
        parser.CharacterDataHandler = self._says
        parser.StartDoctypeDeclHandler = _no_doctype
        self._parser = parser

    def read(self, part: bytes) -> None:
        """Raises expat.ExpatError, Unfit, TooMuch."""
        for chunk in _chunks(part):
            self._parser.Parse(chunk, False)
        self._parser.Parse(b"", True)
        if self._last_row * self._last_column > self._cells + MOST_EMPTY:
            raise TooMuch

    def _begins(self, name: str, attributes: Mapping[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "c" and self._in_sheet:
            self._begin_cell(attributes)
        elif name == "v" and (self._is_shared or self._is_number):
            self._value = []
        elif name == "row" and self._in_sheet:
            self._begin_row(attributes.get("r"))
        elif name == "si":
            self._counted.shared.append(0)
            self._in_shared = True
        elif name == "sheetData":
            self._in_sheet = True
        elif name == "dimension":
            for letters, digits in _CELL.findall(attributes.get("ref", "")):
                self._counted.place(int(digits), _column(letters))

    def _begin_row(self, said: str | None) -> None:
        if said is not None and not re.fullmatch(r"[0-9]{1,9}", said):
            raise TooMuch
        self._row = int(said) if said else self._row + 1
        self._column = 0
        self._counted.place(self._row, 0)

    def _begin_cell(self, attributes: Mapping[str, str]) -> None:
        where = attributes.get("r")
        if where is None:
            self._column += 1
        else:
            found = _CELL.fullmatch(where)
            if found is None:
                raise Unfit("a cell without a place")
            self._row, self._column = int(found[2]), _column(found[1])
        self._counted.place(self._row, self._column)
        self._cells += 1
        self._last_row = max(self._last_row, self._row)
        self._last_column = max(self._last_column, self._column)
        self._is_shared = attributes.get("t") == "s"
        self._is_number = attributes.get("t", "n") == "n"

    def _ends(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name == "v" and self._value is not None:
            said, self._value = "".join(self._value), None
            if self._is_number:
                self._counted.texts += len(said)
                self._counted.number(said)
            else:
                self._counted.used[said] += 1
        elif name == "c":
            self._is_shared = self._is_number = False
        elif name == "si":
            self._in_shared = False

    def _says(self, said: str) -> None:
        if self._value is not None:
            self._value.append(said)
        elif self._in_shared:
            self._counted.shared[-1] += len(said)
        elif self._in_sheet:
            self._counted.texts += len(said)


def _chunks(part: bytes) -> Iterator[bytes]:
    for begin in range(0, len(part), _CHUNK):
        yield part[begin : begin + _CHUNK]


def _no_doctype(*_said: object) -> None:
    raise Unfit("a document type")
