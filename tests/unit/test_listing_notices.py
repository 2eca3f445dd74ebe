"""What an announcement says comes from what was published, and is printed the same way every time."""

import json
from datetime import UTC, datetime
from typing import Any

import pypdfium2
import pytest

from bidding.lots import AssetClass
from trading.lifecycle.listing import Announcement
from trading.lifecycle.states import AnnouncementKind, LotState
from trading.listings.notices import PROVISIONAL, notice_of
from trading.listings.openings import Opening, conflicts
from trading.listings.printing import render
from trading.listings.releases import NotACursor, cursor, from_cursor, release
from trading.listings.requests import RequestKind, askable
from trading.listings.search import grams, words_of

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "state": "announced",
    "asset_class": "debt",
    "method": "competitive_bidding",
    "title": "对示例公司的债权",
    "place": "吉首市",
    "transferor": "湘西州示例公司",
    "starting_price": 120_000_000,
    "increment": 1_000_000,
    "deposit": 12_000_000,
    "max_steps": 50,
    "valuation": None,
    "registration_starts": "2026-03-02T01:00:00+00:00",
    "registration_ends": "2027-03-20T09:00:00+00:00",
    "deposit_ends": "2027-03-20T09:00:00+00:00",
    "opens_at": "2027-03-20T09:00:00+00:00",
    "provisional": True,
    "overview": "第一段。\n\n第二段 #panic() $x$ \\n <b>粗</b>。",
    "disclosures": "无",
    "conditions": "",
    "details": {"debtor": "示例公司", "principal": 500_000_000, "guarantee": "mortgage"},
    "files": [
        {"id": 3, "kind": "attachment", "name": "借款合同.pdf", "size": 1000, "digest": "ab" * 32},
        {"id": 4, "kind": "picture", "name": "a.jpg", "size": 1000, "digest": "cd" * 32},
    ],
}


def an_announcement(kind: AnnouncementKind, **facts: Any) -> Announcement:
    return Announcement(7, "XX-ZQ-2026-0001", kind, "XX-ZQ-2026-0001-01", "公告", {**FACTS, **facts}, AT)


def said(announcement: Announcement) -> str:
    notice = notice_of(announcement)
    lines = [*notice.lead]
    for section in notice.sections:
        lines += [section.heading, *(f"{label} {value}" for label, value in section.rows), *section.lines]
    return "\n".join(lines)


def test_the_announcement_says_everything_that_a_bidder_has_to_know() -> None:
    words = said(an_announcement(AnnouncementKind.ANNOUNCEMENT))
    for each in (
        "受湘西州示例公司委托",
        "一、标的基本概况",
        "债务人 示例公司",
        "本金余额 5,000,000.00 元",
        "担保方式 抵押",
        "二、重大事项披露",
        "三、交易信息",
        "起始价 1,200,000.00 元（人民币壹佰贰拾万元整）",
        "报名开始 2026年03月02日 09:00",
        f"报名截止 2027年03月20日 17:00{PROVISIONAL}",
        "四、附件",
        "1. 借款合同.pdf（SM3 abababab",
    ):
        assert each in words, each
    assert "评估价" not in words
    assert "a.jpg" not in words


def test_a_correction_names_what_it_changes() -> None:
    words = said(
        an_announcement(AnnouncementKind.CORRECTION, reason="本金写错", changed=["details", "increment", "x"])
    )
    assert "本金写错" in words
    assert "资产情况、加价幅度" in words
    assert "重新确认" in words


@pytest.mark.parametrize("kind", list(AnnouncementKind))
def test_every_kind_has_its_words_its_sheet_and_its_release(kind: AnnouncementKind) -> None:
    announcement = an_announcement(kind, reason="原因如此", transferee="石**", final_price=130_000_000)
    notice = notice_of(announcement)
    assert notice.lead
    pdf = render(notice, platform="平台", warning="演示")
    assert pdf == render(notice_of(announcement), platform="平台", warning="演示")
    document = pypdfium2.PdfDocument(pdf)
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    assert "XX-ZQ-2026-0001-01" in text
    assert "演示" in text
    made = release(announcement, base="https://example.test")
    assert json.loads(json.dumps(made)) == made
    assert ("awards" in made) is (kind is AnnouncementKind.RESULT)
    assert ("石**" in json.dumps(made, ensure_ascii=False)) is (kind is AnnouncementKind.RESULT)


def test_an_announcement_of_old_facts_is_shown_as_far_as_they_go() -> None:
    bare = Announcement(1, "CAR-1", AnnouncementKind.ANNOUNCEMENT, "CAR-1-01", "公告", {}, AT)
    assert notice_of(bare).sections[0].heading == "一、交易信息"
    assert release(bare, base="https://example.test")["tender"]["id"] == "CAR-1"


@pytest.mark.parametrize("text", ["", "x", "e30", "eyJhIjogLTF9", "eyJhIjogdHJ1ZX0", "é", "a" * 1000])
def test_only_our_cursors_are_cursors(text: str) -> None:
    assert from_cursor(cursor(4711)) == 4711
    with pytest.raises(NotACursor):
        from_cursor(text)


def test_words_are_cut_into_pairs_and_bounded() -> None:
    assert grams("人民路") == ["人民", "民路"]
    assert grams("茶") == ["茶"]
    assert words_of("  A B\0C 丁 戊 己 庚 ") == ["a", "bc", "丁", "戊", "己"]
    assert len(words_of("长" * 500)[0]) == 30
    assert words_of("　") == []


def test_openings_less_than_half_an_hour_apart_are_in_conflict() -> None:
    def at(lot: str, hour: int, minute: int) -> Opening:
        moment = datetime(2026, 3, 2, hour, minute, tzinfo=UTC)
        return Opening(lot=lot, title=lot, opens_at=moment, provisional=False, by_hand=False)

    found = (at("A", 1, 0), at("B", 1, 29), at("C", 1, 30), at("D", 1, 59), at("E", 2, 30))
    assert conflicts(found) == {"A": ("B",), "B": ("A", "C"), "C": ("B", "D"), "D": ("C",)}
    assert conflicts(()) == {}


def test_what_may_be_asked_for_is_what_only_administrators_do() -> None:
    assert set(askable(LotState.ANNOUNCED)) == set(RequestKind)
    for state in (LotState.DRAFT, LotState.SUBMITTED, LotState.ARCHIVED, LotState.UNSOLD):
        assert askable(state) == (), state
    assert AssetClass.DEBT.value == FACTS["asset_class"]
