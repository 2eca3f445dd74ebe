"""What a report says to people: in their language, the most telling first, many changes in one line."""

import re

import pytest

from signing.crl import Reason
from signing.document_findings import ChangedAfter, StrangeFile, SwappedAppearance, Unreadable
from signing.documents import DocumentKind
from signing.endings import wrong_ending
from signing.findings import Revoked
from signing.found import ChangeKind
from signing.report import Said, said
from signing.report_details import REASONS, detail
from signing.report_lines import plain, technical
from signing.report_words import sentence
from signing.verification import SealedDocument
from tests import ofdfiles
from tests.pdfkit import one, two
from tests.sealkit import NOW

FILE = "the file"
ENGLISH = re.compile(r"[a-z]{3,} [a-z]{2,}")
ADDED_PAGE = (
    (ChangeKind.PAGES, "page tree"),
    (ChangeKind.PAGES, "3 → 4"),
    *((ChangeKind.OTHER, f"object {number}") for number in (75, 76, 77)),
)


def changed(*kinds: tuple[ChangeKind, str]) -> list[Said]:
    return [said(ChangedAfter("甲方", kind, where)) for kind, where in kinds]


def test_every_reason_of_a_revocation_has_words() -> None:
    assert set(REASONS["zh"]) == set(REASONS["en"]) == {str(each) for each in Reason}
    for each in Reason:
        text = sentence(said(Revoked("某单位", NOW, str(each))), "zh")
        assert each not in text
        assert "原因：" in text
        assert each not in sentence(said(Revoked("somebody", NOW, str(each))), "en") or "_" not in each


def test_an_added_page_is_one_line_and_the_objects_are_details() -> None:
    found = changed(*ADDED_PAGE)
    assert plain(found, "zh") == ["盖章之后文件被改动过：增加了 1 页（原 3 页，现 4 页）。"]
    assert plain(found, "en") == [
        "The document was changed after this seal: 1 page(s) added (3 before, 4 now)."
    ]
    details = technical(found, "zh")
    assert len(details) == 5
    assert "页面树" in details[0]
    assert "对象 76" in details[3]


def test_what_is_seen_comes_before_the_inner_structure() -> None:
    kinds = [(ChangeKind.OTHER, "object 9"), (ChangeKind.FORM, "price"), (ChangeKind.PAGE_CONTENT, "page 2")]
    (line,) = plain(changed(*kinds), "zh")
    assert line == "盖章之后文件被改动过：改动了页面内容（第 2 页）；改动了填写的内容或栏目（price）。"


def test_many_objects_are_counted() -> None:
    (line,) = plain(changed(*((ChangeKind.OTHER, f"object {n}") for n in range(9))), "zh")
    assert line.endswith("添加了其他内容（对象 0、对象 1、对象 2 等 9 处）。")


@pytest.mark.parametrize(
    "finding",
    [
        StrangeFile(FILE, "it does not end with startxref and %%EOF, or something stands behind them"),
        StrangeFile(FILE, "Doc_0/Res/font_2.otf is damaged"),
        Unreadable(FILE, "expected a token of another kind at 17"),
        SwappedAppearance("甲方", "its slices do not make up the picture"),
        ChangedAfter("甲方", ChangeKind.STRUCTURE, "document information"),
    ],
    ids=lambda finding: type(finding).__name__,
)
def test_chinese_sentences_have_no_english_in_them(finding: StrangeFile) -> None:
    (line,) = plain([said(finding)], "zh")
    assert not ENGLISH.search(line)
    assert "（）" not in line


def test_what_there_are_no_words_for_is_a_technical_detail() -> None:
    found = [said(Unreadable(FILE, "expected a token of another kind at 17"))]
    assert technical(found, "zh") == ["the file cannot be read: expected a token of another kind at 17"]
    assert technical(found, "en") == []
    assert detail("page 2", "en") == "page 2"


# ── how a file ends ──


def test_a_file_with_something_behind_it_says_so() -> None:
    for data in (two() + b"malicious\n", two() + b"\nPK\x03\x04", ofdfiles.one() + b"more"):
        lines = lines_of(data)
        assert any("文件末尾被附加了内容" in line for line in lines), lines
        assert not any("内部结构异常" in line for line in lines)


def test_a_file_that_was_cut_says_so() -> None:
    whole, package = two(), ofdfiles.one()
    for data in (whole[:-3], whole[: len(whole) * 2 // 3], one()[:3000], package[:-5], package[:-4000]):
        lines = lines_of(data)
        assert any("被截断" in line for line in lines), lines


def test_a_sound_ending_is_none() -> None:
    assert wrong_ending(FILE, DocumentKind.PDF, two()) == ()
    assert wrong_ending(FILE, DocumentKind.OFD, ofdfiles.one()) == ()
    assert SealedDocument.open(two()).findings == ()


def lines_of(data: bytes) -> list[str]:
    return plain([said(each) for each in SealedDocument.open(data).findings], "zh")
