"""The names of how money stands, as the pages have them."""

from collections.abc import Mapping
from typing import Final

from certificates.payments.reconciling import DifferenceKind, LineKind
from certificates.payments.refund_history import RefundAct
from certificates.payments.states import RefundState, Standing
from web.languages import N_

STANDINGS: Final[Mapping[Standing, str]] = {
    Standing.COUNTED: N_("已入账"),
    Standing.SHORT: N_("金额不足，等补齐"),
    Standing.HELD: N_("已收到，等订单到支付这一步"),
    Standing.FOREIGN: N_("付款户名不符"),
    Standing.WRONG_REMARK: N_("附言不符"),
    Standing.WRONG_WAY: N_("这项业务不收这种付款"),
    Standing.DOUBLED: N_("重复支付"),
    Standing.LATE: N_("订单结束后才到账"),
    Standing.VOID: N_("已作废（窗口误收，已退回）"),
    Standing.UNKNOWN: N_("找不到订单"),
}
REFUNDS: Final[Mapping[RefundState, str]] = {
    RefundState.DUE: N_("待退"),
    RefundState.ASKED: N_("退款中"),
    RefundState.PAID: N_("已退"),
    RefundState.FAILED: N_("退款失败"),
}
MEANINGS: Final[Mapping[Standing, str]] = {
    Standing.SHORT: N_("不够订单的价钱。申请人已收到短信，可以补齐；不办了取消订单，自动退回。"),
    Standing.FOREIGN: N_("付款户名不是这项业务规定的。核实是申请人自己的款就认领，否则退回。"),
    Standing.WRONG_REMARK: N_("附言与规定的不一字不差。核实是谁的款再认领，否则退回。"),
    Standing.WRONG_WAY: N_("这项业务不收这种付款。写错了订单就认领到对的订单，否则退回。"),
    Standing.UNKNOWN: N_("找不到是哪个订单的款。查到了就认领，查不到就退回。"),
}
"""What a standing means, and what finance does about it."""
ADVICE: Final[Mapping[Standing, str]] = {
    Standing.FOREIGN: N_("付款户名不对，没有入账。请用规定的账户重新付款；这笔款核实后退回原账户。"),
    Standing.WRONG_REMARK: N_("附言与要求的不一致，财务正在核实，请不要重复转账。"),
    Standing.WRONG_WAY: N_("这项业务不收这种付款，会退回原处。请换一种支付方式。"),
    Standing.DOUBLED: N_("多付的钱会自动原路退回，您不用做什么。"),
    Standing.LATE: N_("订单已经结束，这笔款会自动原路退回。"),
}
"""What the applicant has to do about it."""
REFUND_ACTS: Final[Mapping[RefundAct, str]] = {
    RefundAct.PLANNED: N_("列入待退款"),
    RefundAct.ASKED: N_("已请支付机构或银行退款"),
    RefundAct.ACCEPTED: N_("支付机构已受理，还没有付出"),
    RefundAct.NO_ANSWER: N_("没有答复，过一会儿再问"),
    RefundAct.REFUSED: N_("没有退成"),
    RefundAct.PAID: N_("已付出"),
    RefundAct.AGAIN: N_("重新列入待退款"),
}
DIFFERENCES: Final[Mapping[DifferenceKind, str]] = {
    DifferenceKind.ONLY_THEIRS: N_("支付机构有，平台没有（通知丢失）"),
    DifferenceKind.ONLY_OURS: N_("平台有，支付机构没有"),
    DifferenceKind.OTHER_SUM: N_("金额不同"),
    DifferenceKind.OTHER_CHARGE: N_("商户单号不同"),
    DifferenceKind.TWICE: N_("对账文件里出现两次"),
    DifferenceKind.OTHER_DAY: N_("不是这一天的"),
}
REMEDIES: Final[Mapping[tuple[DifferenceKind, LineKind], str]] = {
    (DifferenceKind.ONLY_THEIRS, LineKind.PAYMENT): N_("按下面的按钮补记，订单随后继续办理。"),
    (DifferenceKind.ONLY_THEIRS, LineKind.REFUND): N_(
        "平台还不知道这笔已退，下次询问后自动一致；第二天再对一次。"
    ),
    (DifferenceKind.ONLY_OURS, LineKind.PAYMENT): N_("请支付机构查这笔交易；查不到的，联系技术人员。"),
    (DifferenceKind.ONLY_OURS, LineKind.REFUND): N_("请支付机构查这笔退款；没有退出的，联系技术人员。"),
    (DifferenceKind.OTHER_DAY, LineKind.PAYMENT): N_("文件选错了日期，或者跨了零点。请用这一天的文件再对。"),
    (DifferenceKind.OTHER_DAY, LineKind.REFUND): N_("文件选错了日期，或者跨了零点。请用这一天的文件再对。"),
}
"""What finance does about a difference; about any other, people of both sides have to look."""
ASK_THEM: Final = N_("与支付机构核对这一笔，查清以前不要退款。")
LINES: Final[Mapping[LineKind, str]] = {
    LineKind.PAYMENT: N_("支付"),
    LineKind.REFUND: N_("退款"),
}
