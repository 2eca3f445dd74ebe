"""Sale confirmations and contracts: what stands in them, how they break over pages, where the places are."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.documents import Named, Straddle, seal_document
from signing.findings import Verdict
from signing.layout import layout_of
from signing.ofd.writing import ofd_from_pdf
from signing.seal import Picture
from signing.seal_picture import official_seal
from signing.typefaces import characters, spelled
from signing.verification import verify
from tests import sealkit
from tests.pagekit import drawn, red_box, text_of
from trading.documents.forms import (
    MAX_CLAUSES,
    SALE_CLAUSES,
    Clause,
    Contract,
    FormError,
    PartyDetails,
    SaleConfirmation,
    line,
    paragraphs,
)
from trading.documents.rendering import render

AS_OF = datetime(2026, 6, 1, 1, 2, 3, tzinfo=UTC)
SEAL = sealkit.sealed(picture=Picture("svg", official_seal("甲方示例单位"), 42, 42))
PLATFORM = "湘西示例公共资源交易平台"
HOSTILE = "#panic() $x$ *粗* _斜_ <label> @ref \\ [a] `code` // no comment \"quote\" 'q' {1+1} = 一"


def confirmation(**changes: Any) -> SaleConfirmation:
    facts: dict[str, Any] = {
        "number": "XXCQ-2026-000123",
        "lot": "XX-SW",
        "title": "州直单位公务用车一批（越野车三辆、商务车两辆）",
        "asset_class": "实物资产",
        "transferor": "甲方示例单位",
        "transferee": "乙方示例贸易有限公司",
        "paddle": "A3F7",
        "price": 1_000_005_030,
        "ended_at": datetime(2026, 5, 31, 18, 3, 4, tzinfo=UTC),
        "entries": 57,
        "ledger_root": "0123456789abcdef" * 4,
        "platform": PLATFORM,
    }
    return SaleConfirmation(**(facts | changes))


def clauses(count: int) -> tuple[Clause, ...]:
    text = (
        "乙方应当按照标的公告约定的期限，将剩余价款一次性支付至平台指定的结算账户。\n"
        "逾期支付的，按照约定支付违约金。"
    )
    return tuple(Clause(heading=f"约定{number}", text=text) for number in range(count))


def contract(**changes: Any) -> Contract:
    facts: dict[str, Any] = {
        "number": "XXHT-2026-000045",
        "lot": "XX-SW",
        "subject": "州直单位公务用车一批",
        "confirmation": "XXCQ-2026-000123",
        "description": "整体转让，不拆分。\n现状移交。",
        "transferor": PartyDetails(name="甲方示例单位", code="91430000MA4L00000X", representative="张示例"),
        "transferee": PartyDetails(name="乙方示例贸易有限公司", address="示例路 88 号"),
        "price": 1_000_005_030,
        "deposit": 20_000_000,
        "clauses": clauses(12),
        "platform": PLATFORM,
    }
    return Contract(**(facts | changes))


@cache
def pdf_of(document: SaleConfirmation | Contract) -> bytes:
    return render(document, as_of=AS_OF)


def whole_text(pdf: bytes) -> str:
    """Without blanks and line ends, which a reader puts in as lines break."""
    pages = len(layout_of(pdf).pages)
    text = "".join(text_of(pdf, page) for page in range(pages))
    return "".join(text.replace("\ufffe", "").split())


# What stands in them


def test_a_confirmation_says_all_facts() -> None:
    text = whole_text(pdf_of(confirmation()))
    for fact in (
        "成交确认书",
        "编号：XXCQ-2026-000123",
        "州直单位公务用车一批（越野车三辆、商务车两辆）",
        "实物资产",
        "甲方示例单位",
        "乙方示例贸易有限公司",
        "A3F7",
        "10,000,050.30",
        "人民币壹仟万零伍拾元叁角",
        "2026年06月01日02:03:04（北京时间）",
        "共57条",
        "0123456789abcdef" * 4,
        "第1页共1页",
        "2026年06月01日",
        *(clause for clause in SALE_CLAUSES),
    ):
        assert fact in text, fact


def test_a_contract_says_all_facts() -> None:
    text = whole_text(pdf_of(contract()))
    for fact in (
        "交易合同",
        "转让方（甲方）甲方示例单位",
        "91430000MA4L00000X",
        "张示例",
        "示例路88号",
        "XXCQ-2026-000123",
        "人民币壹仟万零伍拾元叁角",
        "200,000.00",
        "第一条标的与价款",
        "第十三条约定11",
        "现状移交。",
        PLATFORM,
    ):
        assert fact in text, fact
    assert "联系电话" not in text, "what is not given has no row"


def test_clauses_of_the_caller_stand_in_place_of_the_usual_ones() -> None:
    text = whole_text(pdf_of(confirmation(clauses=("只此一条。",))))
    assert "一、只此一条。" in text
    assert SALE_CLAUSES[0] not in text


def test_a_demonstration_says_so() -> None:
    assert "演示文件" not in whole_text(pdf_of(confirmation()))
    assert "演示文件，不具有法律效力" in whole_text(pdf_of(confirmation(notice="演示文件，不具有法律效力")))


@pytest.mark.parametrize(
    "make",
    [
        lambda text: confirmation(title=text),
        lambda text: confirmation(number=text[:60], platform=text, transferor=text, clauses=(text,)),
        lambda text: contract(subject=text, description=text, clauses=(Clause(heading=text, text=text),)),
        lambda text: contract(transferor=PartyDetails(name=text, address=text, contact=text)),
    ],
)
def test_hostile_text_stays_text(make: Callable[[str], SaleConfirmation | Contract]) -> None:
    assert "".join(HOSTILE.split())[:50] in whole_text(pdf_of(make(HOSTILE)))


def test_characters_without_a_glyph_are_named() -> None:
    assert "老𠮷" not in spelled("老𠮷")
    text = whole_text(pdf_of(confirmation(transferee="老𠮷商行😀")))
    assert "老〔U+20BB7〕商行〔U+1F600〕" in text
    assert set("成交确认书０①㈱é—“”") <= characters()


# Pages


def pages_of(pdf: bytes) -> int:
    return len(layout_of(pdf).pages)


def test_a_usual_confirmation_has_one_page_also_as_a_demonstration() -> None:
    notice = "演示文件：其中的单位、标的、金额和印章均为虚构，不具有法律效力。"
    assert pages_of(pdf_of(confirmation(notice=notice, title="标的名称" * 16))) == 1


def test_long_names_wrap_and_nothing_leaves_the_page() -> None:
    made = pdf_of(confirmation(title="很长的标的名称" * 50, transferee="W" * 300, transferor="甲" * 300))
    text = whole_text(made)
    assert "很长的标的名称" * 50 in text
    assert "W" * 300 in text
    for page in range(pages_of(made)):
        image = drawn(made, page).convert("L").point(lambda value: 255 if value < 200 else 0)
        box = image.getbbox()
        assert box is not None
        assert image.width * 0.1 < box[0]
        assert box[2] < image.width * 0.9


def test_seals_on_a_page_of_their_own_say_what_they_belong_to() -> None:
    counts = {count: pdf_of(contract(clauses=clauses(count))) for count in range(4, 16)}
    alone = [made for made in counts.values() if "本页无正文，为《交易合同》签署页" in whole_text(made)]
    together = [made for made in counts.values() if made not in alone]
    assert alone
    assert together
    for made in alone:
        assert "约定" not in text_of(made, pages_of(made) - 1)
    for made in together:
        assert "约定" in text_of(made, pages_of(made) - 1)


def test_thirty_clauses_break_over_pages_and_number_them() -> None:
    made = pdf_of(contract(clauses=clauses(30)))
    pages = pages_of(made)
    assert pages >= 4
    for page in range(pages):
        assert f"第{page + 1}页共{pages}页" in "".join(text_of(made, page).split())


# Places


def test_places_are_where_the_seals_belong() -> None:
    made = pdf_of(confirmation())
    assert layout_of(made).free == ("transferee", "transferor", "platform")
    for name, left in (("transferee", 31), ("transferor", 84), ("platform", 137)):
        sealed = seal(made, Named(name))
        box = red_box(drawn(sealed, 0))
        assert box is not None
        assert box[0] == pytest.approx(left, abs=2.5)
        assert (box[2] - box[0], box[3] - box[1]) == pytest.approx((42, 42), abs=1)
        assert 190 < box[1] < 230


def seal(pdf: bytes, *places: Any) -> bytes:
    certificate, key = sealkit.SUBSCRIBER_CERTIFICATE, sealkit.SUBSCRIBER_KEY
    return seal_document(pdf, SEAL, certificate, key, places, at=sealkit.NOW)


def test_three_parties_seal_a_confirmation() -> None:
    made = pdf_of(confirmation())
    for name in ("transferee", "transferor", "platform"):
        made = seal(made, Named(name))
    report = verify(made, sealkit.trust(), now=sealkit.NOW)
    assert report.verdict is not Verdict.INVALID
    assert [entry.found.name for entry in report.seals] == ["transferee", "transferor", "platform"]
    assert "乙方示例贸易有限公司" in whole_text(made)


def test_a_contract_is_sealed_over_its_edges_too() -> None:
    made = pdf_of(contract())
    for name in ("transferee", "transferor", "platform"):
        made = seal(made, Named(name), Straddle())
    report = verify(made, sealkit.trust(), now=sealkit.NOW)
    assert report.verdict is not Verdict.INVALID
    for page in range(pages_of(made)):
        box = red_box(drawn(made, page))
        assert box is not None
        assert box[2] == pytest.approx(210, abs=0.6)


def test_a_contract_without_a_witness_has_two_places() -> None:
    assert layout_of(pdf_of(contract(platform=""))).free == ("transferor", "transferee")


def test_a_contract_of_one_page_has_nothing_to_straddle() -> None:
    made = pdf_of(contract(clauses=clauses(1), description="", deposit=0))
    if pages_of(made) == 1:
        assert b"/Kids [" not in made[made.index(b"%%EOF") :]


def test_the_same_documents_become_ofd_with_the_same_places() -> None:
    for document in (confirmation(), contract()):
        made = pdf_of(document)
        ofd = ofd_from_pdf(made, title="示例", created=AS_OF)
        assert set(layout_of(ofd).free) == set(layout_of(made).free)
        assert len(layout_of(ofd).pages) == pages_of(made)


# As files


@pytest.mark.parametrize("make", [confirmation, contract])
def test_the_same_document_gives_the_same_bytes(make: Callable[..., SaleConfirmation | Contract]) -> None:
    first = render(make(), as_of=AS_OF)
    render(make(number="OTHER"), as_of=AS_OF)
    assert render(make(), as_of=AS_OF) == first
    assert render(make(), as_of=AS_OF.astimezone(timezone(timedelta(hours=8)))) == first
    assert render(make(), as_of=AS_OF + timedelta(days=1)) != first


def test_documents_are_tagged_archivable_and_bring_their_fonts() -> None:
    for document in (confirmation(), contract()):
        made = pdf_of(document)
        reader = PdfFileReader(BytesIO(made))
        metadata = reader.root["/Metadata"].data
        assert b"<pdfaid:part>2</pdfaid:part>" in metadata
        assert b"<pdfaid:conformance>A</pdfaid:conformance>" in metadata
        assert b"<pdfuaid:part>1</pdfuaid:part>" in metadata
        assert reader.root["/MarkInfo"]["/Marked"]
        assert reader.root["/Lang"] == "zh-CN"
        assert "/StructTreeRoot" in reader.root
        fonts = {found for found in made.split(b"/BaseFont/")[1:] if found}
        assert fonts
        assert all(b"+NotoS" in found[:40] for found in fonts), "only subsets of our own fonts"


def test_a_document_takes_less_than_50_ms_when_warm() -> None:
    render(confirmation(), as_of=AS_OF)
    began = time.process_time()
    for number in range(10):
        render(confirmation(number=f"T-{number}", price=number), as_of=AS_OF)
    assert (time.process_time() - began) / 10 < 0.05


# What is not made


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"number": ""}, "number: empty"),
        ({"title": "\u200b\u202e"}, "title: empty"),
        ({"transferor": " ", "platform": ""}, "transferor, platform: empty"),
        ({"price": -1}, "price"),
        ({"price": 10**20}, "price"),
        ({"ended_at": datetime(2026, 1, 1)}, "ended_at: a time without a zone"),  # noqa: DTZ001
        ({"ledger_root": "abc"}, "ledger_root"),
        ({"title": "x" * 401}, "title: a text of 401 characters"),
        ({"clauses": ("a",) * (MAX_CLAUSES + 1)}, "clauses"),
    ],
)
def test_a_confirmation_that_is_not_made(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FormError, match=said):
        confirmation(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clauses": ()}, "clauses"),
        ({"clauses": clauses(MAX_CLAUSES + 1)}, "clauses"),
        ({"deposit": 2_000_000_000}, "deposit: more than the price"),
        ({"subject": ""}, "subject: empty"),
        ({"description": "x" * 20_001}, "20001 characters"),
    ],
)
def test_a_contract_that_is_not_made(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FormError, match=said):
        contract(**changes)
    with pytest.raises(FormError, match="name: empty"):
        PartyDetails(name="\n")


def test_texts_are_put_on_one_line_without_what_cannot_be_seen() -> None:
    assert line("  a\tb\r\nc\u200b\u202ed\0 ") == "a b cd"
    assert line("e\u0301") == "é"
    assert paragraphs("一\n\n 二 \r\n\u2028三") == ("一", "二", "三")
