"""What an announcement says, in paragraphs and tables: the same for the page and for the printed sheet.

Announcements are Chinese, whatever language the pages speak. They are made from the facts that were
published, never from what the listing says today. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bidding.lots import AssetClass
from office.money import capital_amount, yuan
from trading.confirmations import ASSET_CLASSES
from trading.lifecycle.listing import Announcement
from trading.lifecycle.states import AnnouncementKind, SaleMethod
from trading.listings import fields
from trading.listings.numbering import BEIJING

METHODS: Final[Mapping[str, str]] = {
    SaleMethod.COMPETITIVE_BIDDING: "竞价",
    SaleMethod.AUCTION: "拍卖",
}
CHANGED: Final[Mapping[str, str]] = {
    "title": "名称",
    "place": "所在地",
    "overview": "基本概况",
    "disclosures": "重大事项披露",
    "conditions": "交易条件和受让资格",
    "details": "资产情况",
    "starting_price": "起始价",
    "increment": "加价幅度",
    "max_steps": "一次最多加价幅度数",
    "valuation": "评估价",
    "files": "附件和图片",
    "opens_at": "竞价开始时间",
}
PROVISIONAL: Final = "（暂定：国家尚未公布当年放假安排，公布后重新计算并公告）"

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    heading: str
    rows: Rows = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One announcement in words. `lead`: what is announced, in a sentence or two."""

    kind: AnnouncementKind
    number: str
    title: str
    published_at: datetime
    lead: tuple[str, ...]
    sections: tuple[Section, ...]


def notice_of(announcement: Announcement) -> Notice:
    """The announcement in words."""
    facts = _Facts(announcement.lot, announcement.facts)
    lead, sections = _SAYS[announcement.kind](facts)
    return Notice(
        kind=announcement.kind,
        number=announcement.number,
        title=announcement.title,
        published_at=announcement.published_at,
        lead=tuple(lead),
        sections=tuple(section for section in sections if section.rows or section.lines),
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    lot: str
    said: Mapping[str, Any]

    def text(self, name: str) -> str:
        return str(self.said.get(name) or "")

    def lines(self, name: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in self.text(name).splitlines() if line.strip())

    def money(self, name: str, *, capitals: bool = False) -> str:
        fen = self.said.get(name)
        if not isinstance(fen, int):
            return ""
        return f"{yuan(fen)} 元（{capital_amount(fen)}）" if capitals else f"{yuan(fen)} 元"

    def moment(self, name: str) -> str:
        text = self.text(name)
        if not text:
            return ""
        return f"{datetime.fromisoformat(text).astimezone(BEIJING):%Y年%m月%d日 %H:%M}"

    @property
    def mark(self) -> str:
        return PROVISIONAL if self.said.get("provisional") else ""


def _dates(facts: _Facts) -> Rows:
    starts, ends, deposit = (facts.moment(name) for name in _DATES)
    opens = facts.moment("opens_at")
    rows = (
        ("报名开始", starts),
        ("报名截止", ends and ends + facts.mark),
        ("保证金到账截止", deposit and deposit + facts.mark),
        ("网上竞价开始", opens and opens + facts.mark),
    )
    return tuple(row for row in rows if row[1])


_DATES: Final = ("registration_starts", "registration_ends", "deposit_ends")


def _trading(facts: _Facts) -> Rows:
    steps = facts.said.get("max_steps")
    rows = (
        ("标的编号", facts.lot),
        ("标的名称", facts.text("title")),
        ("资产类别", _asset_class(facts)),
        ("交易方式", METHODS.get(facts.text("method"), "")),
        ("所在地", facts.text("place")),
        ("转让方", facts.text("transferor")),
        ("评估价", facts.money("valuation")),
        ("起始价", facts.money("starting_price", capitals=True)),
        ("加价幅度", facts.money("increment") + (f"，一次最多加 {steps} 个幅度" if steps else "")),
        ("保证金", facts.money("deposit", capitals=True)),
    )
    return tuple(row for row in rows if row[1]) + _dates(facts)


def _asset_class(facts: _Facts) -> str:
    known = {one.value: word for one, word in ASSET_CLASSES.items()}
    return known.get(facts.text("asset_class"), "")


def _whole(facts: _Facts) -> list[Section]:
    """Everything that the announcement of a lot says; the sections that say something are numbered."""
    found = (
        Section("标的基本概况", _details(facts), facts.lines("overview")),
        Section("重大事项披露", (), facts.lines("disclosures")),
        Section("交易信息", _trading(facts)),
        Section("交易条件和受让资格", (), facts.lines("conditions")),
        Section("附件", (), _files(facts)),
    )
    there = [section for section in found if section.rows or section.lines]
    return [
        replace(section, heading=f"{number}、{section.heading}")
        for number, section in zip("一二三四五", there, strict=False)
    ]


def _details(facts: _Facts) -> Rows:
    known = facts.text("asset_class") in {one.value for one in AssetClass}
    details = facts.said.get("details")
    if not known or not isinstance(details, Mapping):
        return ()
    return fields.rows(AssetClass(facts.text("asset_class")), details)


def _files(facts: _Facts) -> tuple[str, ...]:
    """Attachments with their digests, so that a printed announcement says which file it means."""
    files = [file for file in facts.said.get("files", ()) if file.get("kind") == "attachment"]
    return tuple(
        f"{number}. {file['name']}（SM3 {file['digest'][:16]}…）"
        for number, file in enumerate(files, start=1)
    )


def _announcement(facts: _Facts) -> tuple[list[str], list[Section]]:
    who = facts.text("transferor") or "转让方"
    return [f"受{who}委托，现对下列标的公开交易，欢迎符合条件的竞买人报名。"], _whole(facts)


def _supplementary(facts: _Facts) -> tuple[list[str], list[Section]]:
    said = facts.lines("reason")
    lead = [f"标的 {facts.lot}“{facts.text('title')}”的公告期延长，报名、保证金到账和竞价时间如下。"]
    return [*lead, *said], [Section("调整后的时间", _dates(facts))]


def _correction(facts: _Facts) -> tuple[list[str], list[Section]]:
    names = [CHANGED[name] for name in facts.said.get("changed", ()) if name in CHANGED]
    lead = [f"现对标的 {facts.lot}“{facts.text('title')}”的公告更正如下。", *facts.lines("reason")]
    if names:
        lead.append(f"更正的内容：{'、'.join(names)}。更正后的公告全文如下。")
    lead.append("更正前已报名的竞买人，请登录后重新确认；不确认的，报名无效，保证金原路退回。")
    return lead, _whole(facts)


def _said(sentence: str, heading: str = "") -> Callable[[_Facts], tuple[list[str], list[Section]]]:
    """An announcement that gives a reason, and dates where a heading says so."""

    def says(facts: _Facts) -> tuple[list[str], list[Section]]:
        lead = [sentence.format(lot=facts.lot, title=facts.text("title"))]
        reason = "；".join(facts.lines("reason"))
        if reason:
            lead.append(f"原因：{reason}")
        return lead, [Section(heading, _dates(facts))] if heading else []

    return says


def _result(facts: _Facts) -> tuple[list[str], list[Section]]:
    """Who won, as the rule profile discloses it: the award has decided that already."""
    rows = (
        ("标的编号", facts.lot),
        ("标的名称", facts.text("title")),
        ("成交方式", facts.text("sale_method")),
        ("起始价", facts.money("starting_price")),
        ("成交价", facts.money("final_price", capitals=True)),
        ("受让方", facts.text("transferee")),
        ("竞买号", facts.text("paddle")),
        ("竞价账本摘要（SM3）", facts.text("ledger_root")),
    )
    lead = [
        f"标的 {facts.lot}“{facts.text('title')}”已成交，现将结果公示。对结果有异议的，请在公示期内提出。"
    ]
    return lead, [Section("成交结果", tuple(row for row in rows if row[1]))]


_SAYS: Final[Mapping[AnnouncementKind, Callable[[_Facts], tuple[list[str], list[Section]]]]] = {
    AnnouncementKind.ANNOUNCEMENT: _announcement,
    AnnouncementKind.SUPPLEMENTARY: _supplementary,
    AnnouncementKind.CORRECTION: _correction,
    AnnouncementKind.SUSPENSION: _said("标的 {lot}“{title}”的交易中止，恢复时间另行公告。"),
    AnnouncementKind.RESUMPTION: _said("标的 {lot}“{title}”的交易恢复，时间如下。", "恢复后的时间"),
    AnnouncementKind.WITHDRAWAL: _said("标的 {lot}“{title}”撤回，不再交易。已交的保证金原路退回。"),
    AnnouncementKind.TERMINATION: _said("标的 {lot}“{title}”的交易终结。已交的保证金按规则退回。"),
    AnnouncementKind.UNSOLD: _said("标的 {lot}“{title}”本次未成交。"),
    AnnouncementKind.RESULT: _result,
}
