"""The words for documents, seals and UKeys; marked for translation."""

from collections.abc import Mapping
from typing import Final

from office.ukeys import UKeyState
from trading.sale_states import Paper, Party, SaleState
from web.languages import N_

STATES: Final[Mapping[str, str]] = {
    SaleState.AWAITING_TRANSFEREE: N_("等受让方盖章"),
    SaleState.AWAITING_TRANSFEROR: N_("等转让方盖章"),
    SaleState.AWAITING_PLATFORM: N_("等平台盖章"),
    SaleState.SEALED: N_("已办结"),
    SaleState.REFUSED: N_("有一方拒绝盖章"),
    SaleState.VOID: N_("已作废"),
}
PARTIES: Final[Mapping[str, str]] = {
    Party.TRANSFEREE: N_("受让方"),
    Party.TRANSFEROR: N_("转让方"),
    Party.PLATFORM: N_("平台"),
}
PAPERS: Final[Mapping[str, str]] = {
    Paper.CONFIRMATION: N_("成交确认书"),
    Paper.CONTRACT: N_("交易合同"),
    Paper.AWARD: N_("竞得人确定书"),
    Paper.CERTIFICATE: N_("交易凭证"),
}
UKEY_STATES: Final[Mapping[str, str]] = {
    UKeyState.PENDING: N_("等管理员确认"),
    UKeyState.CONFIRMED: N_("可以使用"),
    UKeyState.ENDED: N_("已停用"),
}
