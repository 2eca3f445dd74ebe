"""The order in an address of the desk, and how the desk's pages answer what can't be done."""

from collections.abc import Mapping
from functools import wraps
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.desk.drawer import DrawerClosed, NotInDrawer
from certificates.desk.reviewing import Reviewing, TooLong, Undecided
from certificates.desk.stock import StockRefused
from certificates.desk.verdicts import NoSuchFile
from certificates.orders.mine import Mine
from certificates.orders.order import Order, UnknownOrder
from certificates.orders.performing import By, Lacks, NotAllowed, Stale
from certificates.orders.states import OrderState
from certificates.orders.table import Need
from certificates.payments.counter import NotWhole
from web.certificates.desk_words import STOCK_FAULTS, UNDECIDED
from web.certificates.own import NUMBER, orders_on
from web.languages import N_
from web.routing import Endpoint
from web.visits import Visit

DESK: Final = "/certificates/desk"
HIDDEN: Final = frozenset(
    {
        OrderState.FILLING,
        OrderState.AWAITING_MATERIAL,
        OrderState.AWAITING_CONSENT,
        OrderState.AWAITING_IDENTITY,
    }
)
"""Not the desk's yet, nobody has sent it off; unless it is paid: somebody has to be able to end it."""
CHANGED: Final = N_("这个订单已有变化，下面是现在的样子，请再看一遍。")
LONG: Final = N_("原因太长，请写短一些。")
REPLACED: Final = N_("申请人换了文件，请重新查看。")
LACKS: Final = {
    Need.TAKEN: N_("请先接办这个订单；接办后 30 分钟内有效。"),
    Need.FREE: N_("另一位办证人员正在办理这个订单。"),
    Need.ANOTHER: N_("初审或者录入是您做的，要由另一位办证人员复核。"),
    Need.MONEY: N_("这个订单没有收过款，到期自动失效，不用办理。"),
    Need.UNREFUNDED: N_("费用已经在退，不能撤回。请申请人重新下单。"),
    Need.HANDED_OVER: N_("只能撤回最近 7 天里最后一步的“已交付”。"),
    Need.PAID: N_("费用还没有到账，不能通过。"),
    Need.REASON: N_("请写明原因，最多 500 字。"),
    Need.AMOUNT: N_("金额和订单不一致。"),
    Need.PAPER: N_("这个订单不用交纸质资料，或者已经收到。"),
    Need.ACTING: N_(
        "办理这个订单的经办人，授权已经结束，不能通过、寄出或者交付。请联系单位重新授权；要终止的，不予办理，费用退回。"
    ),
    Need.CERTIFICATE: N_(
        "原证书已注销、已过期或者不在可以更新的时间里，不能通过。请驳回或者不予办理，写明原因。"
    ),
    Need.TRACKING: N_("请填写快递公司和快递单号。"),
}
DRAWER: Final[Mapping[type[Exception], str]] = {
    DrawerClosed: N_("您今天已经日结，不能再收款或退款。要继续的，请先到“日结”撤回日结，写明原因。"),
    NotInDrawer: N_("只能撤回您自己今天收的款。其他的款由财务退回。"),
    NotWhole: N_("这笔款有一部分已经在退，请由财务处理。"),
}


def desk_address(number: str) -> str:
    return f"{DESK}/orders/{number}"


def clerk_of(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id


def reviewing_on(visit: Visit) -> Reviewing:
    return Reviewing(visit.site.engine)


async def order_in_path(visit: Visit) -> Mine:
    """Raises 404 for what does not exist, and for what the applicant has not sent off."""
    number = visit.param("number")
    if not NUMBER.fullmatch(number):
        raise HTTPException(404)
    try:
        mine = await orders_on(visit.site).of(number, By.clerk(clerk_of(visit)))
    except UnknownOrder as unknown:
        raise HTTPException(404) from unknown
    if mine.order.state in HIDDEN and not mine.order.paid_fen:
        raise HTTPException(404)
    return mine


def shown_version(visit: Visit, order: Order) -> int:
    """The version that the form showed; 0 for nonsense: that is Stale."""
    typed = visit.form.get("version", "")
    known = typed.isascii() and typed.isdigit() and len(typed) < 10 and int(typed) == order.version
    return order.version if known else 0


def in_desk_words(endpoint: Endpoint) -> Endpoint:
    """What can't be done is said on the desk's page of the order."""

    @wraps(endpoint)
    async def answered(visit: Visit) -> Response:
        number = visit.request.path_params.get("number", "")
        here = desk_address(number) if number else DESK
        try:
            return await endpoint(visit)
        except UnknownOrder as unknown:
            raise HTTPException(404) from unknown
        except (Stale, NotAllowed):
            text, status = CHANGED, 409
        except Lacks as lacks:
            text, status = LACKS.get(lacks.need, CHANGED), 409
        except Undecided as open_items:
            text, status = UNDECIDED[open_items.decision], 422
        except TooLong:
            text, status = LONG, 422
        except NoSuchFile:
            text, status = REPLACED, 409
        except tuple(DRAWER) as drawer:
            text, status = DRAWER[type(drawer)], 409
        except StockRefused as refused:
            return visit.refused(here, stock_text(visit, refused), 409)
        return visit.refused(here, visit.text(text), status)

    return answered


def stock_text(visit: Visit, refused: StockRefused) -> str:
    text = visit.text(STOCK_FAULTS[refused.fault])
    return text % {"serial": refused.serial} if "%(" in text else text
