"""Sale confirmations with long numbers and titles: nothing invisible in them, and as OFD all can be shown.

A UKey seals only what was shown, so an OFD that the assistant cannot draw is one that nobody can seal.
"""

import re
import unicodedata
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pypdfium2
import pytest
from structlog.testing import capture_logs

from luochui.demo_lots import LIVELY, TRANSFEROR
from signing.documents import DocumentKind
from signing.ofd.errors import CannotShow
from signing.ofd.pages import pages_as_png
from signing.ofd.writing import ofd_from_pdf
from tests import ofdfiles
from trading import confirmations
from trading.documents import formats
from trading.documents.forms import SaleConfirmation
from trading.documents.rendering import render

AS_OF = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
LIVELY_LOT = f"{LIVELY.lot}-1121-162427"
LONG_TITLE = "https://example.org/abc.def?ghi=jkl&" * 5 + "!\"#$%&'()*+,;<=>?@[\\]^_`{|}~"
MUCH_LATIN = ("W" * 80, "-" * 60, "a-" * 90, "B" * 190, "fi" * 40, "甲" + "x" * 30 + "乙", LONG_TITLE)


def form(lot: str, title: str = LIVELY.title, **more: Any) -> SaleConfirmation:
    """As the platform makes it of a sold lot."""
    facts: dict[str, Any] = {
        "number": f"CJ2026-{lot}",
        "lot": lot,
        "title": title,
        "asset_class": "实物资产",
        "transferor": TRANSFEROR,
        "transferee": "测试竞买人一",
        "paddle": "A3F7",
        "price": 20_600_000,
        "ended_at": AS_OF,
        "entries": 23,
        "ledger_root": "0123456789abcdef" * 4,
        "platform": "落槌国有资产网上拍卖平台",
        "notice": "演示文件，不具有法律效力。",
    }
    return SaleConfirmation(**(facts | more))


@cache
def pdf_of(document: SaleConfirmation) -> bytes:
    return render(document, as_of=AS_OF)


@cache
def ofd_of(document: SaleConfirmation) -> bytes:
    return ofd_from_pdf(pdf_of(document), title=document.number, created=AS_OF.date())


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "".join(page.get_textpage().get_text_bounded() for page in document)


def joined(text: str) -> str:
    """Without ends of lines. PDFium says U+0002 or U+FFFE of a hyphen before one."""
    return "".join(re.sub("[\x02\ufffe]", "-", text).split())


def objects_of(ofd: bytes) -> list[list[str]]:
    """The texts of each TextObject."""
    with ZipFile(BytesIO(ofd)) as package:
        pages = [package.read(name).decode() for name in sorted(package.namelist()) if "Content" in name]
    objects = re.findall(r"<ofd:TextObject.*?</ofd:TextObject>", "".join(pages))
    return [re.findall(r"<ofd:TextCode[^>]*>([^<]*)</ofd:TextCode>", each) for each in objects]


def unseen(text: str) -> set[str]:
    return {each for each in text if unicodedata.category(each) in ("Cf", "Cc", "Zl", "Zp")}


LOTS = [
    "XX-SW",
    "A" * 17,
    LIVELY_LOT,
    "XX-SW-1121-16242",
    "A" * 24,
    "CJ-" * 17 + "XX",
    "A" * 53,
    "W" * 53,
    f"{LIVELY.lot}_{'.' * 40}",
]


@pytest.mark.parametrize("lot", LOTS)
def test_a_number_of_any_length_is_shown_and_copied_as_it_is(lot: str) -> None:
    document = form(lot)
    text = text_of(pdf_of(document))
    assert not unseen(text) - set("\r\n\x02\ufffe")
    assert joined(text).count(document.number) >= 2
    assert f"标的编号{lot}资产类别" in joined(text)
    ofd = ofd_of(document)
    texts = [code for codes in objects_of(ofd) for code in codes]
    assert not unseen("".join(texts))
    assert lot in "".join(texts)
    assert len(pages_as_png(ofd)) == len(pypdfium2.PdfDocument(pdf_of(document)))


@pytest.mark.parametrize("title", MUCH_LATIN)
def test_a_title_that_is_one_long_word_stays_on_the_sheet_and_is_shown(title: str) -> None:
    document = form(LIVELY_LOT, title)
    assert f"标的名称{title}标的编号" in joined(text_of(pdf_of(document)))
    assert pages_as_png(ofd_of(document))


def test_the_lively_lot_of_the_demonstration_is_written_in_whole_lines() -> None:
    ofd = ofd_of(form(LIVELY_LOT))
    objects = ["".join(codes) for codes in objects_of(ofd)]
    assert sum(f"CJ2026-{LIVELY_LOT}" in each for each in objects) == 2
    assert LIVELY_LOT in objects
    assert len(objects) < 60


def test_a_long_number_breaks_after_a_hyphen() -> None:
    document = form("XX-SW-1121-162427-" * 3 + "9")
    lines = [line for line in text_of(pdf_of(document)).splitlines() if "162427" in line]
    ends = [line for line in lines if not line.endswith("9")]
    assert all(line.endswith(("-", "\x02", "\ufffe")) for line in ends)


def test_places_to_break_in_a_pdf_are_not_written_into_the_package() -> None:
    pdf = ofdfiles.pdf_of('#"CJ2026-XX-SW".clusters().join(sym.zws)\n\nSW-26')
    ofd = ofd_from_pdf(pdf, title="示例", created=AS_OF.date())
    codes = "".join(code for codes in objects_of(ofd) for code in codes)
    assert "\u200b" not in codes
    assert "CJ2026-XX-SW" in codes
    assert "SW-26" in codes
    assert pages_as_png(ofd)


# What the platform gives out


def test_the_platform_gives_out_both_of_the_lively_lot() -> None:
    files = confirmations.confirmation_files(form(LIVELY_LOT), AS_OF)
    assert set(files) == {DocumentKind.PDF, DocumentKind.OFD}
    assert files[DocumentKind.PDF] == pdf_of(form(LIVELY_LOT))


def test_an_ofd_that_could_not_be_shown_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: bytes, dpi: int) -> list[bytes]:
        raise CannotShow("a text with what cannot be printed")

    monkeypatch.setattr(formats, "pages_as_png", refuse)
    with capture_logs() as logs:
        files = confirmations.confirmation_files(form("XX-SW"), AS_OF)
    assert set(files) == {DocumentKind.PDF}
    (entry,) = (each for each in logs if each["event"] == "ofd_not_made")
    assert entry["log_level"] == "error"
    assert entry["number"] == "CJ2026-XX-SW"
    assert "cannot be printed" in entry["fault"]
