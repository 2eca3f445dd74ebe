"""竞买申请书 and 资格承诺书 as PDF, each with one place for the bidder's seal. Nothing here is kept."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from office.identifiers import shown_phone
from office.money import yuan
from office.sealed.port import WHOLE_SHARE, Partner
from signing.documents import At
from signing.pdf.places import PlaceToMake, with_places
from signing.typesetting import compiler_of
from trading.documents.rendering import BEIJING, TEMPLATES
from trading.registrations.application import ApplicantKind, Application

PLACE: Final = "transferee"
"""The name of the place for the seal: whoever registers may become the transferee."""


class Paper(StrEnum):
    FORM = "form"
    PLEDGE = "pledge"


TITLES: Final = {Paper.FORM: "竞买申请书", Paper.PLEDGE: "竞买人资格承诺书"}
_TEMPLATES: Final = {Paper.FORM: "application_form", Paper.PLEDGE: "qualification_pledge"}
PLEDGES: Final = (
    "已仔细阅读并理解平台的交易规则和本标的的公告，对标的的现状、瑕疵和交易条件没有异议。",
    "具备公告要求的资格条件；提交的全部材料真实、完整、有效，如有虚假，愿意承担一切后果。",
    "保证金由本竞买人自己的银行账户交纳，资金来源合法。",
    "不与其他竞买人、转让方或者其他人串通，不以任何方式干扰竞价。",
    "成为最高报价人后，按公告约定的期限签署成交确认书、交易合同并付清价款；违约时，同意平台按规则处置保证金。",
    "用绑定到本账号的 UKey 作出的操作，均为本竞买人的真实意思表示。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What of the lot stands in the papers. Money in fen."""

    lot: str
    title: str
    asset_class: str
    """As it is shown: 实物资产."""
    transferor: str
    starting_price: int
    deposit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The platform's name, and what stands above everything of a demonstration."""

    name: str
    notice: str = ""


def render(
    paper: Paper,
    registration: str,
    application: Application,
    partners: list[Partner],
    offered: Offered,
    house: House,
    *,
    as_of: datetime,
) -> bytes:
    """The PDF with its empty place. Blocking; the same data and time give the same bytes."""
    data: dict[str, Any] = {
        "number": f"{'SQ' if paper is Paper.FORM else 'CN'}-{registration}",
        "author": application.name,
        "head": house.name,
        "platform": house.name,
        "notice": house.notice,
        "made": f"{as_of.astimezone(BEIJING):%Y年%m月%d日}",
        "rows": [*_lot_rows(offered), *_applicant_rows(application, short=paper is Paper.PLEDGE)],
        "clauses": list(PLEDGES),
        "partners": [[f"{one.name}（{one.login}）", f"份额 {percent(one.share)}"] for one in partners],
        "attachments": [one.name for one in application.attachments],
        "seals": [{"name": PLACE, "role": "竞买人", "holder": application.name}],
    }
    if partners:
        own = WHOLE_SHARE - sum(one.share for one in partners)
        data["partners"].insert(0, [f"{application.name}（申请人）", f"份额 {percent(own)}"])
    typeset = compiler_of(TEMPLATES / f"{_TEMPLATES[paper]}.typ").pdf(data, as_of=as_of)
    places = [
        PlaceToMake(told["name"], At(told["page"] - 1, told["x"], told["y"]), label="竞买人盖章处")
        for told in typeset.told
        if told["kind"] == "place"
    ]
    return with_places(typeset.pdf, places)


def percent(share: int) -> str:
    """ "33.3 %" of hundredths of a percent."""
    return f"{share / 100:.2f}".rstrip("0").rstrip(".") + " %"


def _lot_rows(offered: Offered) -> list[list[str]]:
    return [
        ["标的名称", offered.title],
        ["标的编号", offered.lot],
        ["资产类别", offered.asset_class],
        ["转让方", offered.transferor],
        ["起始价", f"¥ {yuan(offered.starting_price)}"],
        ["保证金", f"¥ {yuan(offered.deposit)}"],
    ]


def _applicant_rows(application: Application, *, short: bool) -> list[list[str]]:
    person = application.kind is ApplicantKind.PERSON
    rows = [
        ["竞买人", application.name],
        ["居民身份证号码" if person else "统一社会信用代码", application.code],
    ]
    if short:
        return rows
    more = [
        ["法定代表人（负责人）", application.representative],
        ["联系人", application.contact],
        ["联系电话", shown_phone(application.phone)],
        ["通信地址", application.address],
        ["退款账户开户行", application.refund_bank],
        ["退款账号", application.refund_account],
        ["购买方式", "联合购买" if application.joint else "单独购买"],
    ]
    return [*rows, *([label, text] for label, text in more if text)]
