"""The code of an order that is paid by telephone: a picture to scan, digits to type, its end, and its
renewal.

The page looks by itself whether it was paid: with a script every few seconds, without one by loading again.
"""

from typing import Any, Final

import segno
from markupsafe import Markup
from starlette.responses import JSONResponse, Response

from certificates.catalogue.scope import QR
from certificates.orders.states import OrderState
from certificates.payments.charges import Charge, NotPayable, TooManyCharges, latest_of
from certificates.payments.notices import ask_about
from certificates.payments.port import ProviderAway
from web.certificates import pacing
from web.certificates.order_words import PAYMENTS, SERVICES
from web.certificates.own import base, in_words, mine_in_path, place_of
from web.certificates.pay import AWAY, charges_on, provider_of
from web.certificates.showing import around
from web.languages import N_
from web.pages import page
from web.visits import Visit

NOT_BY_CODE: Final = N_("现在不能扫码支付：请先选择支付方式。")
TOO_MANY: Final = N_("这个订单生成的付款码太多了，请联系客服。")
NOT_YET: Final = N_("还没有收到这笔付款。如果已经付了，请等一分钟再查；不要重复支付。")
TOO_OFTEN: Final = N_("查得太频繁，请一分钟后再试。")
CHECKS_A_MINUTE: Final = 10
LONGEST_CODE: Final = 500
"""Characters that one picture says; a longer address is shown as a link alone."""


def picture(said: str) -> Markup:
    """A QR code as SVG, dark on light with its quiet zone, whatever the page's colours. "" for what is too
    long to be scanned off a screen."""
    if len(said) > LONGEST_CODE:
        return Markup()
    made = segno.make(said, error="m", micro=False)
    drawn = made.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="pay-qr__picture")
    return Markup(drawn)  # noqa: S704 - drawn from modules alone, the text is not in it


@in_words
async def open_code(visit: Visit) -> Response:
    """A code for what is missing; the one that is open, or a new one when it has run out."""
    mine = await mine_in_path(visit)
    to = f"{base(mine.order)}/payment"
    subject = f"{visit.text(SERVICES[mine.order.service])} {mine.order.number}"
    try:
        await charges_on(visit.site).open(mine.order.number, subject, now=visit.site.clock())
    except NotPayable:
        return visit.refused(to, visit.text(NOT_BY_CODE))
    except TooManyCharges:
        return visit.refused(to, visit.text(TOO_MANY), 429)
    except ProviderAway:
        return visit.refused(to, visit.text(AWAY), 503)
    return visit.redirect(f"{to}/code")


@in_words
async def code(visit: Visit) -> Response:
    """The code, or that it has run out and how to get the next."""
    mine = await mine_in_path(visit)
    if mine.order.state is not OrderState.AWAITING_PAYMENT:
        return visit.redirect(place_of(mine.order))
    charge = await charges_on(visit.site).shown_for(mine.order.number, now=visit.site.clock())
    async with visit.site.engine.connect() as connection:
        last = charge or await latest_of(connection, mine.order.number)
    if last is None or mine.order.payment_way not in QR:
        return visit.redirect(f"{base(mine.order)}/payment")
    shown = _shown(visit, charge) if charge is not None else {}
    return page(
        visit,
        "certificates/pay/code.html",
        **around(visit, mine, None),
        charge=charge,
        last=last,
        way=visit.text(PAYMENTS[last.way]),
        demo=visit.site.settings.demo,
        **shown,
    )


def _shown(visit: Visit, charge: Charge) -> dict[str, Any]:
    ours = charge.address.startswith("/")
    address = f"{visit.site.settings.public_url.rstrip('/')}{charge.address}" if ours else charge.address
    return {"address": address, "picture": picture(address)}


@in_words
async def standing(visit: Visit) -> Response:
    """For the script of the page: whether it goes on, and where."""
    mine = await mine_in_path(visit)
    if mine.order.state is not OrderState.AWAITING_PAYMENT:
        return JSONResponse({"now": "paid", "to": f"{base(mine.order)}/go-on"})
    charge = await charges_on(visit.site).shown_for(mine.order.number, now=visit.site.clock())
    return JSONResponse({"now": "open" if charge is not None else "over"})


@in_words
async def check(visit: Visit) -> Response:
    """ "I have paid": ask the provider, in case its message was lost; also about codes that have run out."""
    mine = await mine_in_path(visit)
    to, number, site = f"{base(mine.order)}/payment", mine.order.number, visit.site
    if not await pacing.may(visit, "paid", number, most=CHECKS_A_MINUTE, seconds=60):
        return visit.refused(f"{to}/code", visit.text(TOO_OFTEN), 429)
    if mine.order.state is not OrderState.AWAITING_PAYMENT:
        return visit.redirect(f"{base(mine.order)}/go-on")
    try:
        found = await ask_about(site.engine, site.marks, provider_of(site), number, site.clock())
    except ProviderAway:
        return visit.refused(f"{to}/code", visit.text(AWAY), 503)
    if not found:
        return visit.refused(f"{to}/code", visit.text(NOT_YET), 409)
    return visit.done(f"{base(mine.order)}/go-on", visit.text(N_("费用已收到。")))
