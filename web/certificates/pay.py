"""The payment of an order, for those whose it is: how, the code to scan, what has come and what is
missing.
"""

import asyncio
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue import paying
from certificates.catalogue.scope import QR
from certificates.orders import materials
from certificates.orders.mine import Mine
from certificates.orders.reading import FieldFaults
from certificates.orders.states import OrderState
from certificates.payments import invoices, receipts
from certificates.payments.charges import Charges, missing_of
from certificates.payments.demonstration import DemonstrationPayments, key_of
from certificates.payments.notices import ProviderKeys
from certificates.payments.port import NoProvider, PaymentProvider, ProviderAway
from certificates.payments.settling import settle, subscriber_of
from office.banking.amounts import plain
from web.certificates.order_pages import DEMONSTRATION, material_row
from web.certificates.order_words import PAYMENTS
from web.certificates.own import base, in_words, mine_in_path, orders_on, place_of
from web.certificates.pay_words import ADVICE, STANDINGS
from web.certificates.showing import around, order_price
from web.languages import N_
from web.pages import page
from web.site import Site
from web.visits import Visit

AWAY: Final = N_("支付机构暂时没有答复，请稍后再试，或者换一种支付方式。")


def provider_of(site: Site) -> PaymentProvider:
    return DemonstrationPayments(site.engine, site.clock) if site.settings.demo else NoProvider()


def keys_of(site: Site) -> ProviderKeys:
    """Without a provider nobody can notify anything."""
    return {way: (key_of(site.marks, way),) for way in QR} if site.settings.demo else {}


def charges_on(site: Site) -> Charges:
    return Charges(site.engine, provider_of(site))


@in_words
async def show(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    if mine.order.state is not OrderState.AWAITING_PAYMENT:
        return visit.redirect(place_of(mine.order))
    order, orders = mine.order, orders_on(visit.site)
    ways = paying.payments_of(mine.rules, mine.case)
    chosen = next((one for one in ways if one.by == order.payment_way), None)
    money = await _money(visit, mine)
    files = await orders.files.of(order.number)
    voucher = next((one for one in files if one.kind == materials.VOUCHER), None)
    return page(
        visit,
        "certificates/pay/payment.html",
        **around(visit, mine, None),
        **money,
        parts=order_price(visit, order),
        ways=[(str(one.by), visit.text(PAYMENTS[one.by]), one.note) for one in ways],
        chosen=chosen,
        chosen_word=visit.text(PAYMENTS[chosen.by]) if chosen else "",
        by=str(chosen.by) if chosen else "",
        beneficiary=mine.rules.beneficiary,
        remark=remark_of(mine),
        demo_transfer=_demo_transfer(visit, mine, money["missing"]),
        voucher=material_row(visit, voucher) if voucher else None,
        bounds=materials.bounds(mine.rules, materials.VOUCHER),
        chooses_handover=orders.chooses_handover(mine),
    )


def remark_of(mine: Mine) -> str:
    """What a transfer has to say: the channel's fixed words, or the order's own number."""
    return (mine.rules.beneficiary.remark if mine.rules.beneficiary else "") or mine.order.number


def _demo_transfer(visit: Visit, mine: Mine, missing: int) -> str:
    """The address of the demonstration's online bank, with its form filled in; "" elsewhere."""
    to = mine.rules.beneficiary
    if not visit.site.settings.demo or to is None:
        return ""
    subscriber = subscriber_of(mine.case, dict(mine.details))
    payer = subscriber.organization or subscriber.person
    typed = {"account": to.number, "amount": plain(max(0, missing)), "name": payer, "remark": remark_of(mine)}
    return f"/demo/bank?{urlencode(typed)}"


async def _money(visit: Visit, mine: Mine) -> dict[str, Any]:
    """What came for this order, and what is missing."""
    async with visit.site.engine.connect() as connection:
        came = await receipts.of_order(connection, mine.order.number)
        missing = await missing_of(connection, mine.order)
    rows = [
        {
            "receipt": one,
            "word": visit.text(PAYMENTS[one.source]),
            "standing": visit.text(STANDINGS[one.standing]),
            "advice": visit.text(ADVICE[one.standing]) if one.standing in ADVICE and one.left else "",
        }
        for one in came
    ]
    return {"came": rows, "missing": missing}


@in_words
async def choose(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    to, now = f"{base(mine.order)}/payment", visit.site.clock()
    way, collected = visit.form.get("payment_way", ""), visit.form.get("handover") == "collection"
    try:
        await orders_on(visit.site).choose_payment(mine, way, collected, now=now)
    except FieldFaults:
        return visit.refused(to, visit.text(N_("请选择支付方式。")), 422)
    if way != mine.order.payment_way:
        await _close_charges(visit, mine)
    async with visit.site.engine.begin() as connection:
        await receipts.reopen(connection, mine.order.number, now)
        await settle(connection, visit.site.marks, mine.order.number, now)
    return visit.redirect(to)


async def _close_charges(visit: Visit, mine: Mine) -> None:
    """A provider that does not answer keeps its code until it runs out; what is paid by it still counts."""
    try:
        await charges_on(visit.site).close(mine.order.number, now=visit.site.clock())
    except ProviderAway:
        return


@in_words
async def invoice(visit: Visit) -> Response:
    """The electronic invoice, for whose order it is."""
    mine, site = await mine_in_path(visit), visit.site
    async with site.engine.connect() as connection:
        found = await invoices.invoice_of(connection, site.marks, mine.order.number)
    if found is None:
        raise HTTPException(404)
    notice = DEMONSTRATION if site.settings.demo else ""
    pdf = await asyncio.to_thread(invoices.render, found, seller=site.settings.platform_name, notice=notice)
    headers = {
        "Content-Disposition": f'attachment; filename="{found.number}.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(pdf, media_type="application/pdf", headers=headers)
