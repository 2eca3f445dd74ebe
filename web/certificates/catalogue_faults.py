"""What is wrong with a catalogue's text, in words, with the place where it stands."""

from collections.abc import Mapping
from typing import Final

from certificates.catalogue.faults import CatalogueFault
from web.certificates.order_words import SERVICES, SUBJECTS, WAYS
from web.certificates.showing import with_note
from web.languages import N_
from web.visits import Visit

_TABLES: Final[Mapping[str, Mapping[str, str]]] = {"service": SERVICES, "subject": SUBJECTS, "way": WAYS}
_CASE: Final = N_("%(service)s，%(subject)s，%(way)s %(product)s")
FAULTS: Final[Mapping[str, str]] = {
    "not_toml": N_("文本的格式不对：%(why)s"),
    "too_long": N_("文本太长，最多 %(most)s 字节"),
    "missing": N_("缺少这一项"),
    "unexpected_keyword_argument": N_("没有这样的项目"),
    "enum": N_("只能是：%(expected)s"),
    "int_type": N_("要写整数，不加引号"),
    "string_type": N_("要写文字，加引号"),
    "bool_type": N_("要写 true 或者 false"),
    "tuple_type": N_("要写一列，用方括号"),
    "dataclass_type": N_("要写成一张表"),
    "string_pattern_mismatch": N_("写法不对"),
    "string_too_short": N_("至少 %(min_length)s 个字"),
    "string_too_long": N_("最多 %(max_length)s 个字"),
    "greater_than_equal": N_("不能小于 %(ge)s"),
    "less_than_equal": N_("不能大于 %(le)s"),
    "too_short": N_("至少要有 %(min_length)s 项"),
    "too_long_list": N_("最多 %(max_length)s 项"),
    "twice": N_("%(key)s 写了两次"),
    "taken": N_("已经有渠道 %(key)s，请修改它的草稿"),
    "other_key": N_("这是 %(key)s 的草稿，不能改成别的渠道"),
    "unknown_product": N_("没有证书产品 %(key)s"),
    "unknown_authority": N_("没有证书机构 %(key)s"),
    "unknown_channel": N_("没有渠道 %(key)s"),
    "unknown_item": N_("没有这样的资料或者栏目：%(key)s"),
    "in_use": N_("渠道 %(channel)s 还在用证书机构 %(key)s"),
    "other_subject": N_("这个渠道不办这一类证书"),
    "above_most": N_("最少的比最多的大"),
    "closes_first": N_("关门的时间要在开门以后"),
    "no_hours": N_("窗口要写办理时间"),
    "no_recipient": N_("能收邮件的地址要写收件人和电话"),
    "payers_of_transfers": N_("汇款要写谁的账户可以付，其他付款方式不要写"),
    "no_beneficiary": N_("能汇款的，要写收款账户"),
    "of_transfers": N_("凭证和提前天数只对汇款有意义"),
    "nowhere": N_("这里不办的（%(service)s，%(subject)s），要写去哪里办"),
    "offer_of_what": N_("要写明办什么业务、怎样办"),
    "offer_asks_more": N_("这里只能按业务、对象和办理方式区分"),
    "no_price": N_("没有价格"),
    "no_route": N_("没有办理步骤"),
    "no_rule": N_("在 %(rule)s 里没有对应的一行"),
    "no_payment": N_("要收费，但是没有付款方式"),
    "payment_step": N_("收费的要有付款这一步，免费的不要有"),
    "no_term": N_("没有写证书的有效期"),
    "no_certificate_step": N_("步骤里没有选原来的证书（held_ukey 或者 choose_order）"),
}


def said(visit: Visit, fault: CatalogueFault) -> str:
    """ "prices[2].parts[0].fen：要写整数，不加引号"."""
    kind = "too_long_list" if fault.kind == "too_long" and "max_length" in fault.facts else fault.kind
    facts = {
        name: visit.text(_TABLES[name].get(value, value)) if name in _TABLES else value
        for name, value in fault.facts.items()
    }
    text = visit.text(FAULTS[kind]) % facts if kind in FAULTS else fault.what
    if {"service", "subject", "way"} <= set(facts):
        text = with_note(visit, text, (visit.text(_CASE) % facts).strip())
    where = fault.where or visit.text(N_("全文"))
    return visit.text(N_("%(field)s：%(fault)s")) % {"field": where, "fault": text}
