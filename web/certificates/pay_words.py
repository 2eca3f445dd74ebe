"""The names of how money stands, as the pages have them."""

from collections.abc import Mapping
from typing import Final

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
