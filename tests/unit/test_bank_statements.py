"""Statements as banks write them, and everything that is wrong with them, by line."""

import io
import zipfile
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]

from office.banking import workbooks
from office.banking.amounts import NoAmount, fen_of, plain
from office.banking.banks import BankFault, bank_called, banks, read_banks
from office.banking.numbers import draw, found_in, is_number
from office.banking.payers import payer_key, same_payer
from office.banking.readings import decoded, encoded, name_of
from office.banking.statements import FaultKind, Statement, read

SHIFAN, YANGLI = bank_called("shifan"), bank_called("yangli")
HEADINGS = "交易流水号,交易时间,贷方发生额,借方发生额,对方户名,对方账号,对方开户行,子账号,摘要"
NUMBER = draw("620001", lambda below: 42)


def csv_of(*lines: str, headings: str = HEADINGS) -> bytes:
    return ("示例银行,账户明细\n\n" + "\n".join((headings, *lines)) + "\n").encode("utf-8")


def good(serial: str = "A1", amount: str = '"5,000.00"') -> str:
    return f"{serial},2026-03-04 12:00:05,{amount},,张三,6222,某银行,{NUMBER},保证金"


def xlsx_of(*rows: Sequence[Any]) -> bytes:
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True})
    sheet = book.add_worksheet()
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(line, column, cell)
    book.close()
    return written.getvalue()


def only_fault(statement: Statement) -> tuple[int, FaultKind, str]:
    assert not statement.rows or statement.faults
    (fault,) = statement.faults
    return fault.line, fault.kind, fault.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_a_statement_is_read_in_every_encoding_that_banks_use(encoding: str) -> None:
    data = csv_of(good(), good("A2", "0.5"), "合计,,5000.50,,,,,,").decode().encode(encoding)
    statement = read(data, SHIFAN)
    assert not statement.faults
    first, second = statement.rows
    assert (first.serial, first.amount, first.sub_account, first.line) == ("A1", 500_000, NUMBER, 4)
    assert first.value_time == datetime(2026, 3, 4, 4, 0, 5, tzinfo=UTC)
    assert second.amount == 50
    assert (statement.incoming, statement.outgoing, statement.skipped) == (500_050, 0, 1)


def test_a_spreadsheet_gives_the_same_rows_as_the_text() -> None:
    heads = HEADINGS.split(",")
    row = ["A1", "2026-03-04 12:00:05", "5,000.00", None, "张三", "6222", "某银行", NUMBER, "保证金"]
    assert read(xlsx_of(["明细"], heads, row), SHIFAN).rows == read(csv_of(good()), SHIFAN).rows


def test_a_spreadsheets_numbers_are_taken_as_they_are_shown() -> None:
    row = ["A1", "2026-03-04 12:00:05", 50000.1, None, "张三", "6222", "", NUMBER, ""]
    assert read(xlsx_of(HEADINGS.split(","), row), SHIFAN).rows[0].amount == 5_000_010


def test_outgoing_money_is_negative() -> None:
    line = f"A1,2026/03/04 12:00:05,-,120.00,张三,6222,某银行,,TK{1:014d}"
    assert read(csv_of(line), SHIFAN).rows[0].amount == -12_000


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        (good(amount="12.345"), FaultKind.AMOUNT, "12.345"),
        (good(amount="abc"), FaultKind.AMOUNT, "abc"),
        (good(amount="-5000.00"), FaultKind.REVERSED, "-5000.00"),
        (good(amount="").replace(",,,张三", ",,-3.00,张三"), FaultKind.REVERSED, "-3.00"),
        (good(amount="0.00"), FaultKind.AMOUNT, "0.00"),
        (good(amount="1e5"), FaultKind.AMOUNT, "1e5"),
        (good().replace(",,张三", ",3.00,张三"), FaultKind.BOTH_WAYS, "5,000.00"),
        (good().replace("2026-03-04", "2026-02-30"), FaultKind.TIME, "2026-02-30 12:00:05"),
        (good(serial=""), FaultKind.MISSING, ""),
        (good().replace("张三", "长" * 201), FaultKind.TOO_LONG_TEXT, "长" * 60),
    ],
)
def test_what_is_wrong_is_told_with_its_line(line: str, kind: FaultKind, text: str) -> None:
    assert only_fault(read(csv_of(good("A9"), line), SHIFAN)) == (5, kind, text)


def test_one_serial_number_twice_is_once_or_a_fault() -> None:
    assert len(read(csv_of(good(), good()), SHIFAN).rows) == 1
    assert only_fault(read(csv_of(good(), good(amount="1")), SHIFAN)) == (5, FaultKind.TWICE, "A1")


def test_files_that_are_no_statement_say_why() -> None:
    assert only_fault(read(b"\xff\xfe\x00\x01", SHIFAN))[1] is FaultKind.NO_SHEET
    assert only_fault(read(b"PK\x03\x04broken", SHIFAN))[1] is FaultKind.NO_SHEET
    assert only_fault(read(b"\xd0\xcf\x11\xe0....", SHIFAN))[1] is FaultKind.OLD_EXCEL
    assert only_fault(read(b"", SHIFAN))[1] is FaultKind.NO_HEADER
    line, kind, text = only_fault(read(csv_of(headings="交易流水号,交易时间,对方户名"), SHIFAN))
    assert (line, kind, text) == (0, FaultKind.NO_HEADER, "借方发生额、贷方发生额")
    assert only_fault(read(csv_of(), SHIFAN))[1] is FaultKind.EMPTY


def test_a_long_number_that_a_spreadsheet_has_shortened_is_a_fault() -> None:
    row = ["6.2E+17", "2026-03-04 12:00:05", "5", "", "张三", "6222", "", "", ""]
    assert only_fault(read(xlsx_of(HEADINGS.split(","), row), SHIFAN))[1] is FaultKind.LOST_DIGITS


@pytest.mark.parametrize("column", [0, 5, 7, 8])
@pytest.mark.parametrize("number", [123456789012345678, 1234567890123456, 6.2e17, 10**19, 1e300])
def test_a_long_number_that_is_stored_as_a_number_has_lost_its_last_digits(
    column: int, number: float
) -> None:
    row = ["A1", "2026-03-04 12:00:05", "5", "", "张三", "6222", "", "", ""]
    row[column] = number  # type: ignore[call-overload]
    line, kind, text = only_fault(read(xlsx_of([], HEADINGS.split(","), row), SHIFAN))
    assert kind is FaultKind.LOST_DIGITS
    assert line
    assert text


def test_long_numbers_that_are_text_and_short_ones_that_are_numbers_are_right() -> None:
    heads = HEADINGS.split(",")
    long = "622202020011223344"
    rows = (
        ["123456789012345678", "2026-03-04 12:00:05", 0.1 + 0.2, "", "张三", long, "", "", "12E5"],
        [123456789012345, "2026-03-04 12:00:05", 1234567.89, "", "张三", 622202020011223, "", "", 3.14],
    )
    first, second = read(xlsx_of(heads, *rows), SHIFAN).rows
    assert (first.serial, first.payer_account, first.amount) == ("123456789012345678", long, 30)
    assert (second.serial, second.payer_account) == ("123456789012345", "622202020011223")
    one = [*rows[0][:5], 123456789012345678, "", "", ""]
    faults = read(xlsx_of(heads, rows[1], one), SHIFAN).faults
    assert [fault.kind for fault in faults] == [FaultKind.LOST_DIGITS], "in the one row that has it"


def test_a_reading_is_kept_whole_or_not_at_all() -> None:
    rows = csv_of(good(), good("A2", '"1,234.50"'), "x,,,,,,,,")
    for statement in (read(rows, SHIFAN), read(csv_of(good()), SHIFAN), read(b"", SHIFAN)):
        kept = encoded(statement)
        back = decoded(kept)
        assert back == statement
        assert [row.line for row in back.rows] == [row.line for row in statement.rows]
        for damaged in (b"", kept[:-1], kept[:20], b"x" + kept, zlib.compress(b"{}"), zlib.compress(b"[1]")):
            assert decoded(damaged) is None
    assert name_of("a" * 64, SHIFAN) != name_of("b" * 64, SHIFAN)
    assert name_of("a" * 64, SHIFAN) != name_of("a" * 64, YANGLI)


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'
CELLS = '<sheetData><row r="1"><c r="A1"><v>1</v></c></row>{}</sheetData>'
LAST = CELLS.format('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')


def with_sheet(content: str, texts: str = "") -> bytes:
    """A workbook in which a part is another."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx_of(["a"]))) as old, zipfile.ZipFile(written, "w", 8) as new:
        for name in old.namelist():
            parts = {"xl/worksheets/sheet1.xml": content, "xl/sharedStrings.xml": texts}
            new.writestr(name, parts.get(name) or old.read(name))
    return written.getvalue()


def understated(data: bytes, size: int) -> bytes:
    """The archive says less than it holds."""
    return data.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))


@pytest.mark.parametrize(
    "content",
    [
        SHEET.format(LAST),
        SHEET.format(CELLS.format('<row r="200001"><c><v>1</v></c></row>')),
        SHEET.format(CELLS.format('<row r="2">' + "<c><v>1</v></c>" * 61 + "</row>")),
        SHEET.format(CELLS.format('<row r="9" ><c r = "BI9"/></row>')),
        SHEET.format(CELLS.format('<row r="190000"><c r="BA190000"><v>1</v></c></row>')),
        SHEET.format('<dimension ref="A1:XFD1048576"/>' + CELLS.format("")),
        SHEET.format(LAST).replace("<", "<x:").replace("<x:/", "</x:").replace("xmlns=", "xmlns:x="),
    ],
)
def test_a_small_file_that_wants_much_room_is_refused_before_it_is_made(content: str) -> None:
    assert only_fault(read(with_sheet(content), SHIFAN)) == (0, FaultKind.TOO_LONG, "")


def test_a_spreadsheet_is_counted_as_it_unpacks_and_not_as_it_says() -> None:
    content = SHEET.format(CELLS.format("<row/>") + "<!--" + "x" * 5_000_000 + "-->")
    data = understated(with_sheet(content), len(content))
    assert only_fault(read(data, SHIFAN))[1] is FaultKind.NO_SHEET
    with pytest.raises(workbooks.TooMuch):
        workbooks.fit_for_reading(with_sheet(content), rows=10, columns=10, unpacked=1_000_000)


def test_one_long_text_in_many_cells_is_as_long_as_all_of_them() -> None:
    texts = "<sst><si><t>" + "x" * 1_000_000 + "</t></si></sst>"
    many = '<row r="2">' + '<c t="s"><v>0</v></c>' * 50 + "</row>"
    content = SHEET.format(CELLS.format("".join(many.replace("2", str(at)) for at in range(2, 9))))
    assert only_fault(read(with_sheet(content, texts), SHIFAN))[1] is FaultKind.TOO_LONG


def test_a_spreadsheet_with_a_document_type_is_none() -> None:
    content = '<!DOCTYPE a [<!ENTITY b "c">]>' + SHEET.format(CELLS.format(""))
    assert only_fault(read(with_sheet(content), SHIFAN))[1] is FaultKind.NO_SHEET


YANGLI_HEADINGS = "日期,时间,金额,收付标志,对手户名,对手账号,对手行名,用途,余额"


def yangli(remark: str = "", *, day: str = "20260304", balance: str = "") -> str:
    return f"{day},93000,5000.00,收,张三,6222,某银行,{remark},{balance}"


def test_a_bank_without_serial_numbers_is_read_by_its_own_map() -> None:
    statement = read(csv_of(yangli(f"保证金 {NUMBER}"), headings=YANGLI_HEADINGS), YANGLI)
    (row,) = statement.rows
    assert (row.amount, row.sub_account) == (500_000, NUMBER)
    assert row.value_time == datetime(2026, 3, 4, 1, 30, tzinfo=UTC)
    assert (
        only_fault(read(csv_of(yangli().replace("收", "?"), headings=YANGLI_HEADINGS), YANGLI))[1]
        is FaultKind.DIRECTION
    )


def test_a_booking_taken_back_is_no_income() -> None:
    back = yangli().replace("5000.00", "-5000.00")
    assert only_fault(read(csv_of(back, headings=YANGLI_HEADINGS), YANGLI)) == (
        4,
        FaultKind.REVERSED,
        "-5000.00",
    )
    out = read(csv_of(back.replace("收", "付"), headings=YANGLI_HEADINGS), YANGLI)
    assert [row.amount for row in out.rows] == [-500_000]


def test_overlapping_statements_without_serials_agree_on_rows_that_look_alike() -> None:
    one = read(csv_of(yangli("甲"), yangli("乙"), yangli("乙"), headings=YANGLI_HEADINGS), YANGLI)
    two = read(csv_of(yangli("乙"), yangli("乙"), yangli("丙"), headings=YANGLI_HEADINGS), YANGLI)
    serials = {row.serial for row in one.rows} | {row.serial for row in two.rows}
    assert (len(one.rows), len(two.rows), len(serials)) == (3, 3, 4)


@pytest.mark.parametrize(
    ("written", "fen"),
    [
        ("1,234.5", 123_450),
        ("¥1,234.50", 123_450),
        ("１２３．４５", 12_345),
        ("-0.01", -1),
        ("100元", 10_000),
        ("7.", 700),
        ("0.500", 50),
    ],
)
def test_amounts_are_text_and_become_fen(written: str, fen: int) -> None:
    assert fen_of(written) == fen


@pytest.mark.parametrize(
    "written", ["", "1.005", "1,23.00", "12 3", "--1", "1e3", "NaN", "٣٫٥", "9" * 20, ".5"]
)
def test_what_is_no_amount_is_refused(written: str) -> None:
    with pytest.raises(NoAmount):
        fen_of(written)


def test_amounts_are_written_for_machines() -> None:
    assert [plain(each) for each in (0, 5, -123_450)] == ["0.00", "0.05", "-1234.50"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("湘西（集团）有限公司", "湘西(集团)有限公司", True),
        ("张　三", "张三", True),
        ("ＡＢＣ公司", "abc 公司", True),
        ("买买提·艾力", "买买提•艾力", True),
        ("张三", "张三丰", False),
        ("湘西集团公司", "湘西(集团)公司", False),
        ("", "", False),
    ],
)
def test_names_of_payers_are_the_same_but_for_their_writing(one: str, other: str, same: bool) -> None:
    assert same_payer(one, other) is same
    assert payer_key(one) == payer_key(payer_key(one))


def test_a_wrong_digit_of_a_sub_account_is_noticed() -> None:
    assert is_number(NUMBER)
    for place, digit in enumerate(NUMBER):
        wrong = NUMBER[:place] + str((int(digit) + 1) % 10) + NUMBER[place + 1 :]
        assert not is_number(wrong)
    swapped = NUMBER[:16] + NUMBER[17] + NUMBER[16]
    assert NUMBER[16] == NUMBER[17] or not is_number(swapped)


def test_a_sub_account_is_found_in_its_column_or_alone_in_the_remark() -> None:
    other = draw("620001", lambda below: 43)
    assert found_in(f"{NUMBER[:4]} {NUMBER[4:]}", "") == NUMBER
    assert found_in("", f"竞买保证金{NUMBER}，张三") == NUMBER
    assert found_in("", f"{NUMBER} {other}") == ""
    assert found_in("", f"1{NUMBER}") == ""
    assert found_in("123", "") == ""


def test_the_banks_of_the_package_are_sound_and_wrong_ones_are_refused() -> None:
    assert len(banks()) >= 2
    text = 'name="a"\naccount_name="a"\naccount="1"\nsub_account_prefix="111111"\nnotifies=true\n'
    columns = '[x1.statement]\ntime="t"\ntime_formats=["%Y"]\ncredit="c"\ndebit="d"\npayer_name="p"\n'
    with pytest.raises(BankFault):
        read_banks("[x1]\n" + text + columns)
    assert read_banks("[x1]\n" + text + columns + 'serial="s"\n')["x1"].notifies
    with pytest.raises(BankFault):
        read_banks("[x1]\n" + text + columns.replace('debit="d"\n', "") + 'serial="s"\n')
