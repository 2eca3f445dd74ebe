"""The words of what follows an auction; marked for translation."""

from collections.abc import Mapping
from typing import Final

from trading.awards.contract_template import Wrong
from trading.awards.records import Answer, AwardState, Source
from trading.lifecycle.states import LotState
from web.languages import N_

SOURCES: Final[Mapping[str, str]] = {
    Source.AUCTION: N_("最高报价人"),
    Source.NEXT_BIDDER: N_("下一位报价人，按本人最高报价"),
    Source.PRIORITY: N_("优先购买权人，接受最终价格"),
    Source.NEGOTIATION: N_("协议成交"),
}
AWARD_STATES: Final[Mapping[str, str]] = {
    AwardState.REVIEW: N_("审查中"),
    AwardState.AWARDED: N_("通过"),
    AwardState.REFUSED: N_("未通过"),
    AwardState.DEFAULTED: N_("违约"),
}
ANSWERS: Final[Mapping[str, str]] = {
    Answer.ASKED: N_("等待答复"),
    Answer.TAKEN: N_("接受"),
    Answer.DECLINED: N_("放弃"),
    Answer.TIMED_OUT: N_("逾期未答复"),
}
STEPS: Final[tuple[tuple[LotState, str], ...]] = (
    (LotState.REVIEW, N_("资格审查")),
    (LotState.CONFIRMATION, N_("成交确认书")),
    (LotState.CONTRACT, N_("交易合同")),
    (LotState.PAYMENT, N_("支付价款")),
    (LotState.PUBLICATION, N_("结果公示")),
    (LotState.COMPLETED, N_("凭证和归档")),
)
WAITING: Final[Mapping[str, str]] = {
    LotState.PRIORITY_OFFER: N_("正在征询优先购买权人，等其答复。"),
    LotState.NEXT_OFFER: N_("正在征询下一位报价人是否按本人最高报价受让，等其答复。"),
    LotState.REVIEW: N_("平台正在进行资格审查，请等结果。"),
    LotState.NEGOTIATION: N_("等转让方填写最终成交价。"),
    LotState.CONFIRMATION: N_("等成交确认书盖章。"),
    LotState.CONTRACT: N_("等交易合同签订。"),
    LotState.PAYMENT: N_("等价款付清。"),
    LotState.PUBLICATION: N_("成交结果正在公示，期满后出具交易凭证。"),
    LotState.COMPLETED: N_("平台正在出具交易凭证并归档，通常只要几分钟。"),
    LotState.ARCHIVED: N_("交易已办结。"),
    LotState.UNSOLD: N_("标的未成交。"),
    LotState.SUSPENDED: N_("交易中止，恢复后继续办理。"),
    LotState.ABORTED: N_("交易已终结。"),
}
FIELDS: Final[Mapping[str, str]] = {
    "pay_days": N_("首次付款期限（合同成立后几日内）"),
    "instalments": N_("分几期付款"),
    "interval_days": N_("每期间隔（天）"),
    "hand_days": N_("交付期限（天）"),
    "penalty": N_("逾期违约金（每日万分之几）"),
    "transfer_costs": N_("过户税费由谁承担"),
    "handover_place": N_("交付地点"),
    "defects": N_("已披露的瑕疵和占有使用情况"),
    "term": N_("期限（月）"),
    "starts_on": N_("期限从哪一天开始"),
    "use": N_("用途"),
    "documents": N_("移交的资料"),
    "employees": N_("职工安置和债权债务处理"),
    "court": N_("争议由哪里处理"),
    "more": N_("其他约定"),
}
HINTS: Final[Mapping[str, str]] = {
    "pay_days": N_("一次付清就是付清的期限；分期付款就是第一期的期限。"),
    "instalments": N_("一次付清填 1。"),
    "interval_days": N_("一次付清时不用管这一项。"),
    "more": N_("没有就留空。不得与公告相抵触。"),
}
WRONGS: Final[Mapping[str, str]] = {
    Wrong.EMPTY: N_("请填写。"),
    Wrong.NOT_A_NUMBER: N_("请填写整数。"),
    Wrong.OUT_OF_BOUNDS: N_("超出允许的范围：%(least)s 到 %(most)s。"),
    Wrong.TOO_LONG: N_("太长，最多 %(longest)s 个字。"),
    Wrong.NOT_OFFERED: N_("请从列出的选项里选择。"),
    Wrong.PLAN_TOO_LONG: N_("最后一期超出规则规定的付款期限（%(within)s 天）。"),
}
CHOICES: Final[Mapping[str, str]] = {
    "各自依法承担": N_("各自依法承担"),
    "全部由乙方承担": N_("全部由乙方承担"),
    "全部由甲方承担": N_("全部由甲方承担"),
    "标的所在地人民法院": N_("标的所在地人民法院"),
    "甲方住所地人民法院": N_("甲方住所地人民法院"),
    "湘西仲裁机构": N_("湘西仲裁机构"),
}
STALE: Final = N_("页面已过时：情况有了变化。请看最新内容后再办。")
NOT_NOW: Final = N_("现在不能这样办：标的的状态已经变化。")
NO_REASON: Final = N_("请填写原因，最多 500 个字。")
AWAY: Final = N_("保密服务暂时没有响应，请稍后再试。")
