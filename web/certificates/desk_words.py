"""What the desk's pages say: shelves of the queue, urgency, decisions, the stock."""

from collections.abc import Mapping
from typing import Final

from certificates.desk.dues import Urgency
from certificates.desk.hours import Outside
from certificates.desk.queue import Shelf
from certificates.desk.reviewing import Decision
from certificates.desk.stock import StockAct, StockFault, StockState
from web.languages import N_

SHELVES: Final[Mapping[Shelf, str]] = {
    Shelf.REVIEW: N_("待审核"),
    Shelf.PAPER: N_("待收资料"),
    Shelf.WRITE: N_("待制证"),
    Shelf.GIVE_OUT: N_("待领取、待寄出"),
    Shelf.RETURNED: N_("等申请人"),
    Shelf.OVER: N_("已办结"),
}
EMPTY: Final[Mapping[Shelf, str]] = {
    Shelf.REVIEW: N_("没有等待审核的订单。申请人提交并付款以后，订单会出现在这里。"),
    Shelf.PAPER: N_("没有等待纸质资料的订单。"),
    Shelf.WRITE: N_("没有等待制证的订单。审核通过以后，订单会出现在这里。"),
    Shelf.GIVE_OUT: N_("没有等待领取或者寄出的证书。"),
    Shelf.RETURNED: N_("没有等申请人修改或者继续的订单。"),
    Shelf.OVER: N_("还没有办结的订单。"),
}
URGENCIES: Final[Mapping[Urgency, tuple[str, str]]] = {
    Urgency.LATE: (N_("已超期"), "warning"),
    Urgency.TODAY: (N_("今天到期"), "live"),
    Urgency.SOON: (N_("快到期"), "waiting"),
    Urgency.IN_TIME: (N_("期限内"), "neutral"),
}
OUTSIDE: Final[Mapping[Outside, str]] = {
    Outside.BEFORE: N_("还没有到上班时间"),
    Outside.BREAK: N_("现在是午休时间"),
    Outside.AFTER: N_("今天已经下班"),
    Outside.DAY_OFF: N_("今天休息"),
}
UNDECIDED: Final[Mapping[Decision, str]] = {
    Decision.APPROVE: N_("每一项都要先看过并标记“合格”，才能通过。已经标记的都保存了，请看没有标记的。"),
    Decision.RETURN: N_("请至少把一项标记为“不合格”并写明原因，申请人只改这些。已经标记的都保存了。"),
    Decision.REJECT: N_("请写明不予办理的原因。"),
    Decision.KEEP: N_("没有可以保存的内容。"),
}
STOCK_STATES: Final[Mapping[StockState, str]] = {
    StockState.IN_STOCK: N_("库存空白"),
    StockState.ASSIGNED: N_("已配给订单"),
    StockState.WRITTEN: N_("已写入证书"),
    StockState.GONE: N_("已交付"),
    StockState.DEFECTIVE: N_("报废"),
    StockState.RETURNED: N_("已退厂家"),
    StockState.LOST: N_("盘点缺失"),
}
STOCK_ACTS: Final[Mapping[StockAct, str]] = {
    StockAct.RECEIVE: N_("入库"),
    StockAct.ASSIGN: N_("配给订单"),
    StockAct.RELEASE: N_("退回库存"),
    StockAct.WRITE: N_("写入证书"),
    StockAct.GIVE_OUT: N_("交付"),
    StockAct.KEEP: N_("没有交付"),
    StockAct.COME_BACK: N_("交付后退回"),
    StockAct.DEFECT: N_("报废"),
    StockAct.RETURN: N_("退厂家"),
    StockAct.LOSE: N_("记为缺失"),
    StockAct.MISS: N_("遗失（已写入证书）"),
    StockAct.FIND: N_("找到了"),
    StockAct.REVERSE: N_("撤销上一步"),
}
STOCK_FAULTS: Final[Mapping[StockFault, str]] = {
    StockFault.NOT_A_SERIAL: N_("序列号不对：%(serial)s。序列号由 4 到 40 位数字、大写字母和横线组成。"),
    StockFault.UNKNOWN: N_("库存里没有这个序列号：%(serial)s。请先入库。"),
    StockFault.THERE_ALREADY: N_("序列号 %(serial)s 已经入过库，这一批没有入库。"),
    StockFault.WRONG_STATE: N_("UKey %(serial)s 现在的状态不能这样做。"),
    StockFault.NO_REASON: N_("请写明原因。"),
    StockFault.NO_MODEL: N_("请填写型号，最多 60 字。"),
    StockFault.TOO_MANY: N_("一次最多 500 个序列号。"),
    StockFault.OTHER_ORDER: N_("UKey %(serial)s 已配给另一个订单。"),
    StockFault.HAS_ONE: N_("这个订单已经配了一个 UKey，请先退回库存或者报废。"),
    StockFault.NOT_NOW: N_("这个订单现在不能配 UKey。"),
    StockFault.NOT_REVERSED: N_("UKey %(serial)s 的上一步不能撤销。"),
    StockFault.NOT_WRITTEN: N_("这个订单的 UKey 还没有写入证书，不能交付。"),
}
