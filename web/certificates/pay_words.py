"""The names of how money stands, as the pages have them."""

from collections.abc import Mapping
from typing import Final

from certificates.payments.reconciling import DifferenceKind, LineKind
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
    Standing.UNKNOWN: N_("找不到订单"),
}
REFUNDS: Final[Mapping[RefundState, str]] = {
    RefundState.DUE: N_("待退"),
    RefundState.ASKED: N_("退款中"),
    RefundState.PAID: N_("已退"),
    RefundState.FAILED: N_("退款失败"),
}
DIFFERENCES: Final[Mapping[DifferenceKind, str]] = {
    DifferenceKind.ONLY_THEIRS: N_("支付机构有，平台没有（通知丢失）"),
    DifferenceKind.ONLY_OURS: N_("平台有，支付机构没有"),
    DifferenceKind.OTHER_SUM: N_("金额不同"),
    DifferenceKind.OTHER_CHARGE: N_("商户单号不同"),
    DifferenceKind.TWICE: N_("对账文件里出现两次"),
    DifferenceKind.OTHER_DAY: N_("不是这一天的"),
}
LINES: Final[Mapping[LineKind, str]] = {
    LineKind.PAYMENT: N_("支付"),
    LineKind.REFUND: N_("退款"),
}
