"""联合购买同意书: what each partner of a joint purchase seals with their UKey. Nothing is kept here.

A partner does not seal the application and the pledge of another: each change of either would have to go
round all of them. One paper of their own says with whom, for what, with which share, that the applicant acts
for them, and that they answer for price and contract jointly: an authorisation and an undertaking by its own
signer, as reliable as any document that is sealed here (docs/sealed.md). It stands for one share on one
registration: another share is another consent.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from office.sealed.port import Partner
from signing.documents import At
from signing.pdf.places import PlaceToMake, with_places
from signing.typesetting import compiler_of
from trading.documents.rendering import BEIJING, TEMPLATES
from trading.registrations.papers import PLACE, House, Offered, percent

TITLE: Final = "联合购买同意书"
CLAUSES: Final = (
    "自愿与申请人联合购买本标的，份额以本同意书所载为准。",
    "已仔细阅读并理解平台的交易规则和本标的的公告，对标的的现状、瑕疵和交易条件没有异议；"
    "具备公告要求的资格条件。",
    "授权申请人代表本联合购买人提交申请、交纳保证金、确认更正公告、报价、签署成交确认书和交易合同；"
    "申请人在授权范围内的行为，对本联合购买人有约束力。",
    "成交后，与申请人和其他联合购买人就付清价款、履行合同承担连带责任；违约时，同意平台按规则处置保证金。",
    "不与其他竞买人、转让方或者其他人串通，不以任何方式干扰竞价。",
    "用绑定到本账号的 UKey 盖章，为本联合购买人的真实意思表示。",
)


@dataclass(frozen=True, slots=True)
class Consent:
    """`key` is the partner's place in the registration, to which the share belongs."""

    key: str
    content: bytes = field(repr=False)


def consent_name(key: str) -> str:
    """Of the box. The key is random: it tells nothing of the partner."""
    return f"consent/{key}.sealed.pdf"


def render_consent(
    registration: str, applicant: str, partner: Partner, offered: Offered, house: House, *, as_of: datetime
) -> bytes:
    """The PDF with its empty place. Blocking; the same data and time give the same bytes."""
    data: dict[str, Any] = {
        "number": f"LH-{registration}-{partner.key[:4].upper()}",
        "author": partner.name,
        "head": house.name,
        "platform": house.name,
        "notice": house.notice,
        "made": f"{as_of.astimezone(BEIJING):%Y年%m月%d日}",
        "rows": [
            ["标的名称", offered.title],
            ["标的编号", offered.lot],
            ["转让方", offered.transferor],
            ["申请人", applicant],
            ["联合购买人", f"{partner.name}（{partner.login}）"],
            ["联合购买人的份额", percent(partner.share)],
        ],
        "clauses": list(CLAUSES),
        "seals": [{"name": PLACE, "role": "联合购买人", "holder": partner.name}],
    }
    typeset = compiler_of(TEMPLATES / "joint_consent.typ").pdf(data, as_of=as_of)
    places = [
        PlaceToMake(told["name"], At(told["page"] - 1, told["x"], told["y"]), label="联合购买人盖章处")
        for told in typeset.told
        if told["kind"] == "place"
    ]
    return with_places(typeset.pdf, places)
