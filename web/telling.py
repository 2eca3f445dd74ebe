"""A log's entries in plain sentences."""

from typing import Any, assert_never

from bidding.messages import (
    Aborted,
    AbortRequested,
    BidAccepted,
    Closed,
    Ending,
    Event,
    InquiryOpened,
    LotScheduled,
    Notice,
    Recovered,
    Result,
    Resumed,
    ResumptionAnnounced,
    Suspended,
    TimedBiddingStarted,
)
from office import money
from web import shown, words
from web.languages import CHINESE, N_
from web.visits import Visit


def tell(visit: Visit, event: Event) -> str:
    """What an entry says, in the language of the visit."""
    text, facts = _sentence(event)
    moment = shown.moment if visit.locale == CHINESE else shown.moment_en
    shown_facts: dict[str, Any] = {}
    for name, value in facts.items():
        if name.endswith("_at"):
            shown_facts[name] = moment(value)
        elif name == "price":
            shown_facts[name] = money.yuan(value)
        elif name == "cause":
            shown_facts[name] = visit.text(words.CAUSES[value])
        elif name == "phase":
            shown_facts[name] = visit.text(words.PHASES[value])
        else:
            shown_facts[name] = value
    return visit.text(text) % shown_facts


def _sentence(event: Event) -> tuple[str, dict[str, Any]]:
    match event:
        case LotScheduled():
            return N_("标的上架，%(opens_at)s 开始询问期"), {"opens_at": event.opens_at}
        case InquiryOpened():
            return N_("询问期开始，到 %(ends_at)s 结束；此时不接受出价"), {"ends_at": event.deadline}
        case TimedBiddingStarted():
            return N_("限时竞价开始，倒计时到 %(ends_at)s"), {"ends_at": event.deadline}
        case BidAccepted(priority=True):
            text = N_("竞买号 %(paddle)s 行使优先购买权，以当前价 %(price)s 元领先")
            return text, {"paddle": event.paddle, "price": event.price}
        case BidAccepted():
            return N_("竞买号 %(paddle)s 出价 %(price)s 元"), {"paddle": event.paddle, "price": event.price}
        case Suspended() | ResumptionAnnounced() | Resumed() | AbortRequested() | Aborted():
            return _interruption(event)
        case Closed():
            return _hammer(event)
        case Result(sold=True):
            text = N_("成交：竞买号 %(winner)s，成交价 %(price)s 元")
            return text, {"winner": event.winner, "price": event.price}
        case Result():
            return N_("流拍"), {}
        case Notice():
            return N_("公告：%(text)s"), {"text": event.text}
        case Recovered():
            text = N_("平台从账本恢复数据；第 %(number)s 条之后已应答而未入账的出价可能丢失")
            return text, {"number": event.last_recorded}
        case _:
            assert_never(event)


def _interruption(
    event: Suspended | ResumptionAnnounced | Resumed | AbortRequested | Aborted,
) -> tuple[str, dict[str, Any]]:
    match event:
        case Suspended(since=0):
            return N_("中止（%(cause)s）：%(reason)s"), {"cause": event.cause, "reason": event.reason}
        case Suspended(until=0):
            return N_("中止（%(cause)s），自 %(since_at)s 起"), {
                "cause": event.cause,
                "since_at": event.since,
            }
        case Suspended():
            facts = {"cause": event.cause, "since_at": event.since, "until_at": event.until}
            return N_("中止（%(cause)s），自 %(since_at)s 至 %(until_at)s"), facts
        case ResumptionAnnounced():
            return N_("将于 %(resumes_at)s 恢复，恢复后给足完整时限"), {"resumes_at": event.resumes_at}
        case Resumed():
            facts = {"phase": event.phase, "ends_at": event.deadline}
            return N_("已恢复：%(phase)s，倒计时到 %(ends_at)s"), facts
        case AbortRequested():
            return N_("管理员申请终结，标的中止，等另一位管理员确认：%(reason)s"), {"reason": event.reason}
        case Aborted():
            return N_("标的终结，不再竞价：%(reason)s"), {"reason": event.reason}
        case _:
            assert_never(event)


def _hammer(event: Closed) -> tuple[str, dict[str, Any]]:
    if event.ending is Ending.NO_CONFIRMATION:
        return N_("收槌：询问期内没有人确认参加"), {}
    if not event.leader:
        return N_("收槌：无人出价"), {}
    text = N_("收槌：最高报价 %(price)s 元，竞买号 %(leader)s，共 %(bids)s 次出价")
    return text, {"price": event.price, "leader": event.leader, "bids": event.bids}
