"""How the first PIN of a new UKey comes, as its order tells it; and the wish to hear it again."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from certificates.issuing import pins
from certificates.issuing.pins import FirstPin, PinFault
from certificates.issuing.remarks import DemonstrationBank, NoBank, Remarks
from certificates.issuing.telling import NotAgain, NotTold, Telling
from certificates.orders.order import Order
from web.certificates.own import base, in_words, mine_in_path
from web.certificates.showing import pin_word, with_note
from web.languages import N_
from web.site import Site
from web.visits import Visit

WAITS: Final = N_("还没有发出")
TOLD: Final = N_("已发出")
FAULTS: Final = {
    PinFault.NO_ADDRESS: N_("没有发出：订单里没有可以接收的手机或账户，请联系客服"),
    PinFault.BANK_AWAY: N_("银行暂时没有回应，稍后自动再发"),
    PinFault.BOX: N_("没有发出，请联系客服"),
}


def telling_on(site: Site) -> Telling:
    remarks: Remarks = DemonstrationBank(site.engine) if site.settings.demo else NoBank()
    return Telling(site.engine, site.marks, remarks, site.settings.platform_name)


async def pins_of(site: Site, orders: Sequence[Order]) -> Mapping[str, FirstPin]:
    """What is known of the first PINs of these orders."""
    if not orders:
        return {}
    async with site.engine.connect() as connection:
        return await pins.of_orders(connection, [order.number for order in orders])


def told_word(visit: Visit, order: Order, pin: FirstPin | None) -> str:
    """How the PIN comes, and whether it was told: 短信发到经办人手机（已发出）."""
    way = pin_word(visit, order)
    if pin is None or not pins.is_told(order):
        return way
    waits = FAULTS[PinFault(pin.fault)] if pin.fault else WAITS
    word = TOLD if pin.sends else waits
    return with_note(visit, way, visit.text(word))


async def shown(visit: Visit, order: Order) -> dict[str, Any] | None:
    """The card of the order's page; None: there is no first PIN."""
    pin = (await pins_of(visit.site, [order])).get(order.number)
    if pin is None or not pins.is_told(order):
        return None
    return {
        "way": told_word(visit, order, pin),
        "sent_at": pin.sent_at,
        "over": pin.box is None,
        "again": pins.may_repeat(pin, visit.site.clock()),
        "left": max(0, pins.MOST_SENDS - pin.sends),
        "minutes": int(pins.PAUSE.total_seconds()) // 60,
    }


@in_words
async def again(visit: Visit) -> Response:
    """Told once more, to the same telephone or account."""
    order = (await mine_in_path(visit)).order
    try:
        await telling_on(visit.site).again(order.number, visit.site.clock())
    except NotAgain:
        refusal = N_("现在不能再发：次数已满、间隔太短，或已过了期限。忘记密码的，请办理解锁。")
        return visit.refused(base(order), visit.text(refusal), 409)
    except NotTold:
        refusal = N_("这次没有发出，请稍后再试。多次不成功的，请联系客服。")
        return visit.refused(base(order), visit.text(refusal), 503)
    return visit.done(base(order), visit.text(N_("密码已再发一次。")))
