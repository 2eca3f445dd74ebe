"""How the fields of a rule profile are called, written and read: seconds for ms, percent for permille."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from bidding.terms import InquiryMode, PriorityMode
from trading.lifecycle.states import SaleMethod
from trading.profiles.profile import BOUNDS, CHOICES, Disclosure, EndOutcome, FaultKind, ProfileFault
from web.languages import N_
from web.visits import Visit


class Form(StrEnum):
    """How a number is written."""

    COUNT = "count"
    SECONDS = "seconds"
    PERCENT = "percent"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Number:
    label: str
    unit: str = ""
    form: Form = Form.COUNT
    hint: str = ""


_WORKING_DAYS: Final = N_("个工作日")
_DAYS: Final = N_("天")
_HOURS: Final = N_("小时")
_MINUTES: Final = N_("分钟")
_SECONDS: Final = N_("秒")
_TIMES: Final = N_("次")

NUMBERS: Final[Mapping[str, Number]] = {
    "announcement_working_days": Number(
        N_("公告期"), _WORKING_DAYS, hint=N_("从报名开始的第二天算起。填 0 表示由发布人自己选定截止时间。")
    ),
    "day_ends_minute": Number(
        N_("期限在当天几点截止"), form=Form.TIME, hint=N_("北京时间，按“时:分”填写，例如 17:00。")
    ),
    "minimum_registrants": Number(
        N_("至少几人报名才能竞价"), N_("人"), hint=N_("拍卖是 1 人；竞价至少 2 人。")
    ),
    "extension_working_days": Number(N_("延期多久"), _WORKING_DAYS),
    "most_extensions": Number(N_("最多延期几次"), _TIMES),
    "correction_working_days": Number(
        N_("更正后至少还要留多久"), _WORKING_DAYS, hint=N_("更正不重新计算公告期时适用。")
    ),
    "price_floor_permille": Number(
        N_("起始价不低于评估价的"), "%", Form.PERCENT, N_("低于这个比例，要有批准文件。")
    ),
    "relist_floor_permille": Number(N_("再次挂牌时，起始价不低于上次的"), "%", Form.PERCENT),
    "deposit_share_min": Number(N_("保证金最低占起始价的"), "%", Form.PERCENT),
    "deposit_share_max": Number(N_("保证金最高占起始价的"), "%", Form.PERCENT),
    "deposit_deadline_hours_before_end": Number(
        N_("保证金比报名提前多久截止"), _HOURS, hint=N_("填 0 表示和报名同时截止。")
    ),
    "statements_within_hours": Number(
        N_("财务核对流水的时限"),
        _HOURS,
        hint=N_("超过时限还没有核对完，会通知管理员；在核对完之前不判定公告结果。"),
    ),
    "refund_working_days": Number(N_("保证金几天内退还"), _WORKING_DAYS),
    "opening_delay_minutes": Number(
        N_("报名截止后多久开始竞价"), _MINUTES, hint=N_("填 0 表示报名截止时就开始。")
    ),
    "opening_notice_minutes": Number(
        N_("判定公告结果后，至少留多久再开始竞价"), _MINUTES, hint=N_("好让竞买人来得及准备。")
    ),
    "inquiry_ms": Number(N_("询问期"), _SECONDS, Form.SECONDS),
    "window_ms": Number(N_("限时竞价"), _SECONDS, Form.SECONDS, N_("每次有效报价后重新计时。")),
    "max_steps": Number(N_("一次最多加几个幅度"), N_("个")),
    "priority_answer_hours": Number(N_("优先购买权人几小时内答复"), _HOURS),
    "next_answer_hours": Number(N_("下一位报价人几小时内答复"), _HOURS),
    "negotiation_within_days": Number(N_("转让方几天内填写最终成交价"), _DAYS),
    "review_within_days": Number(N_("资格审查几天内完成"), _DAYS),
    "confirmation_within_days": Number(N_("成交确认书几天内盖齐"), _DAYS),
    "contract_within_days": Number(N_("合同几天内盖齐"), _DAYS),
    "payment_within_days": Number(N_("价款几天内付清"), _DAYS),
    "instalments_max": Number(N_("最多分几期付款"), N_("期"), hint=N_("填 1 表示一次付清。")),
    "instalment_grace_days": Number(
        N_("分期款逾期后宽限多久"), _DAYS, hint=N_("宽限期满仍未付清的，可以认定整个交易违约。")
    ),
    "defaulter_days": Number(N_("违约的人在名单上多久"), _DAYS, hint=N_("在名单上的人不能报名。")),
    "service_fee_permille": Number(N_("交易服务费占成交价的"), "%", Form.PERCENT),
    "result_working_days": Number(N_("成交结果公告多久"), _WORKING_DAYS),
    "objection_working_days": Number(N_("异议几天内答复"), _WORKING_DAYS),
    "retention_years": Number(N_("档案保存几年"), N_("年"), hint=N_("至少 10 年。")),
}
SWITCHES: Final[Mapping[str, str]] = {
    "correction_restarts": N_("更正后重新计算整个公告期"),
    "self_raise": N_("最高报价人可以给自己加价"),
    "offer_to_next_after_refusal": N_("资格审查未通过或者违约时，按报价顺序询问下一位"),
}
CHOICE_LABELS: Final[Mapping[str, str]] = {
    "on_none": N_("公告期满无人报名"),
    "on_one": N_("公告期满有人报名但不够"),
    "on_none_again": N_("延期后仍无人报名"),
    "on_one_again": N_("延期后仍不够"),
    "inquiry_mode": N_("询问期内是否要确认参加"),
    "priority_mode": N_("优先购买权怎样行使"),
    "disclose_winner": N_("结果公告怎样写竞得人"),
}
_OUTCOMES: Final[Mapping[str, str]] = {
    EndOutcome.AUCTION: N_("进入网上竞价"),
    EndOutcome.EXTEND: N_("延期并发布补充公告"),
    EndOutcome.NEGOTIATE: N_("转让方填写成交价"),
    EndOutcome.FAIL: N_("流拍"),
}
CHOICE_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    **dict.fromkeys(("on_none", "on_one", "on_none_again", "on_one_again"), _OUTCOMES),
    "inquiry_mode": {
        InquiryMode.PASSIVE: N_("不用确认，合格的竞买人都可以报价"),
        InquiryMode.CONFIRM: N_("要在询问期内确认参加"),
    },
    "priority_mode": {
        PriorityMode.NONE: N_("没有优先购买权"),
        PriorityMode.MATCH: N_("竞价中行使"),
        PriorityMode.OFFER: N_("竞价后询问优先购买权人"),
    },
    "disclose_winner": {
        Disclosure.NAME: N_("写明姓名或单位名称"),
        Disclosure.MASKED: N_("自然人只写姓，单位写全称"),
        Disclosure.PADDLE: N_("只写竞买号"),
    },
}
GROUPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        N_("公告和报名"),
        (
            *("announcement_working_days", "day_ends_minute", "minimum_registrants", "on_none", "on_one"),
            *("extension_working_days", "most_extensions", "on_none_again", "on_one_again"),
            *("correction_restarts", "correction_working_days"),
        ),
    ),
    (
        N_("价格和保证金"),
        (
            *("price_floor_permille", "relist_floor_permille", "deposit_share_min", "deposit_share_max"),
            *("deposit_deadline_hours_before_end", "statements_within_hours", "refund_working_days"),
        ),
    ),
    (
        N_("网上竞价"),
        (
            *("opening_delay_minutes", "opening_notice_minutes", "inquiry_ms", "window_ms", "max_steps"),
            *("inquiry_mode", "self_raise", "priority_mode", "priority_answer_hours"),
        ),
    ),
    (
        N_("成交以后"),
        (
            *("offer_to_next_after_refusal", "next_answer_hours"),
            *("negotiation_within_days", "review_within_days", "confirmation_within_days"),
            *("contract_within_days", "payment_within_days", "instalments_max", "instalment_grace_days"),
            *("defaulter_days", "service_fee_permille", "result_working_days", "disclose_winner"),
            *("objection_working_days", "retention_years"),
        ),
    ),
)
"""All fields, in the order in which pages show them (a test compares with the profile)."""
LABELS: Final[Mapping[str, str]] = {
    name: CHOICE_LABELS.get(name) or SWITCHES.get(name) or NUMBERS[name].label
    for _, names in GROUPS
    for name in names
}
METHODS: Final[Mapping[str, str]] = {
    SaleMethod.COMPETITIVE_BIDDING: N_("竞价方式"),
    SaleMethod.AUCTION: N_("拍卖方式"),
}
_RANGE: Final = N_("请填写 %(least)s 到 %(most)s 之间的数。")
_FAULTS: Final[Mapping[FaultKind, str]] = {
    FaultKind.MISSING: N_("这一项必须填写。"),
    FaultKind.UNKNOWN: N_("这一项不能填写。"),
    FaultKind.NOT_A_CHOICE: N_("请从选项中选择一项。"),
    FaultKind.NOT_YES_OR_NO: N_("请选择是或否。"),
    FaultKind.ABOVE_MOST: N_("最低比例不能高于最高比例。"),
    FaultKind.NEEDS_EXTENSION: N_("选了延期，就要允许至少延期一次；请修改“最多延期几次”，或者改选别的。"),
    FaultKind.MINIMUM_OF_METHOD: N_("拍卖只能填 1；竞价要填 2 或更多。"),
    FaultKind.NEGOTIATES_ONLY_BIDDING: N_("拍卖不能由转让方填写成交价，请改选别的。"),
}
_COUNT: Final = re.compile(r"-?\d{1,12}", re.ASCII)
_DECIMAL: Final = re.compile(r"(\d{1,9})(?:\.(\d{1,3}))?", re.ASCII)
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)


def said(visit: Visit, name: str, value: Any) -> str:
    """A field's value in words: "7 个工作日", "17:00", "5%", "是"."""
    if name in SWITCHES:
        return visit.text(N_("是")) if value else visit.text(N_("否"))
    if name in CHOICES:
        return visit.text(CHOICE_WORDS[name][str(value)])
    number = NUMBERS[name]
    gap = "" if number.unit in ("", "%") else " "
    return f"{typed(name, value)}{gap}{visit.text(number.unit) if number.unit else ''}"


def typed(name: str, value: Any) -> str:
    """A field's value as it stands in the form."""
    if name in SWITCHES:
        return "1" if value else ""
    if name in CHOICES:
        return str(value)
    match NUMBERS[name].form:
        case Form.SECONDS:
            return f"{value / 1000:g}"
        case Form.PERCENT:
            return f"{value / 10:g}"
        case Form.TIME:
            return f"{value // 60:02d}:{value % 60:02d}"
        case Form.COUNT:
            return str(value)


def read(form: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a form; what can't be read stays a text, and is a fault of the profile then."""
    fields: dict[str, Any] = {name: form.get(name) == "1" for name in SWITCHES}
    fields |= {name: form.get(name, "") for name in CHOICES}
    return fields | {name: _number(number.form, form.get(name, "")) for name, number in NUMBERS.items()}


def _number(form: Form, text: str) -> int | str:
    plain = unicodedata.normalize("NFKC", text).replace(",", "").strip()
    if form is Form.TIME:
        found = _TIME.fullmatch(plain)
        return int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else plain
    if form is Form.COUNT:
        return int(plain) if _COUNT.fullmatch(plain) else plain
    digits = 3 if form is Form.SECONDS else 1
    found = _DECIMAL.fullmatch(plain.removesuffix("%"))
    decimals = (found[2] or "").rstrip("0") if found else ""
    return int(found[1] + decimals.ljust(digits, "0")) if found and len(decimals) <= digits else plain


def fault_text(visit: Visit, fault: ProfileFault) -> str:
    """What is wrong with a field, in its own unit."""
    if fault.kind in _FAULTS:
        return visit.text(_FAULTS[fault.kind])
    least, most = (typed(fault.field, bound) for bound in BOUNDS[fault.field])
    return visit.text(_RANGE) % {"least": least, "most": most}
