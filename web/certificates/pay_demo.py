"""The payment provider of the demonstration, as a payer meets it: the code, and the telephone that pays.

It signs a real notification and sends it to the platform's own address, through the whole application; once,
twice, later or with another sum, as whoever tries it chooses. Only with `settings.demo`.
"""

import re
import secrets
from typing import Any, Final

import httpx
from sqlalchemy import Row
from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.scope import PaymentWay
from certificates.payments.demonstration import DemonstrationPayments, key_of, paid_of
from certificates.payments.notices import body_of
from office.banking.amounts import NoAmount, fen_of, plain
from office.banking.signed import signed_headers
from web.certificates.order_words import PAYMENTS
from web.languages import N_
from web.pages import page
from web.visits import Visit

LARGEST: Final = 10**9
_CHARGE: Final = re.compile(r"ZF[0-9]{22}")
_CODE: Final = re.compile(r"[0-9]{8}")
TELLING: Final = {
    "once": N_("马上通知平台"),
    "twice": N_("通知两次"),
    "later": N_("先不通知（以后再补发）"),
}


def _provider(visit: Visit) -> DemonstrationPayments:
    if not visit.site.settings.demo:
        raise HTTPException(404)
    return DemonstrationPayments(visit.site.engine, visit.site.clock)


async def _payment(visit: Visit) -> Row[Any]:
    provider, charge = _provider(visit), visit.param("charge")
    row = await provider.payment(charge) if _CHARGE.fullmatch(charge) else None
    if row is None:
        raise HTTPException(404)
    return row


async def enter(visit: Visit) -> Response:
    """Where nothing can be scanned: the digits of the code, or the number of the charge."""
    provider, typed = _provider(visit), visit.query("number", 40)
    number = "".join(typed.upper().split()).replace("-", "")
    charge = await provider.charge_of(number, visit.site.clock()) if _CODE.fullmatch(number) else number
    if _CHARGE.fullmatch(charge) and await provider.payment(charge) is not None:
        return visit.redirect(f"/demo/pay/{charge}")
    fault = visit.text(N_("没有这样的付款码，或者已经失效。请看清付款页上的数字。")) if number else ""
    errors = {"number": fault} if fault else {}
    return page(visit, "certificates/pay/demo_enter.html", 404 if fault else 200, typed=typed, errors=errors)


async def show(visit: Visit) -> Response:
    """What the telephone shows after the scan."""
    return await _shown(visit, await _payment(visit))


async def _shown(visit: Visit, row: Row[Any], errors: dict[str, str] | None = None) -> Response:
    return page(
        visit,
        "certificates/pay/demo.html",
        422 if errors else 200,
        row=row,
        way=visit.text(PAYMENTS[row.way]),
        over=row.state == "closed" or (row.state == "waiting" and not _open(visit, row)),
        telling=[(name, visit.text(word), "") for name, word in TELLING.items()],
        amount=visit.form.get("amount") or plain(row.fen),
        errors=errors or {},
    )


def _open(visit: Visit, row: Row[Any]) -> bool:
    return row.closes_at is None or row.closes_at > visit.site.clock()


async def pay(visit: Visit) -> Response:
    """Confirmed on the telephone, or the message sent once more."""
    provider, row = _provider(visit), await _payment(visit)
    if row.state == "waiting":
        try:
            fen = fen_of(visit.form.get("amount", ""))
        except NoAmount:
            fen = 0
        if not 0 < fen <= LARGEST:
            return await _shown(visit, row, {"amount": visit.text(N_("请填写金额（元），最多两位小数。"))})
        await provider.pay(row.charge, fen, visit.site.clock())
        row = await _payment(visit)
    here = f"/demo/pay/{row.charge}"
    if row.state != "paid":
        return visit.refused(here, visit.text(N_("这个付款码已经失效。")))
    telling = visit.form.get("telling", "once")
    if telling == "later":
        return visit.done(here, visit.text(N_("已付款，还没有通知平台。")))
    sent = [await _tell(visit, row) for _ in range(2 if telling == "twice" else 1)]
    if not all(sent):
        return visit.refused(here, visit.text(N_("已付款，但是平台没有收下通知。")))
    return visit.done(here, visit.text(N_("付款成功，平台已收到通知。")))


async def _tell(visit: Visit, row: Row[Any]) -> bool:
    """To the real address, as a real provider does."""
    body, way = body_of(paid_of(row)), PaymentWay(row.way)
    key = key_of(visit.site.marks, way)
    signed = signed_headers(key, body, nonce=secrets.token_urlsafe(24), now=visit.site.clock())
    transport = httpx.ASGITransport(app=visit.request.app)
    async with httpx.AsyncClient(transport=transport, base_url=visit.site.settings.public_url) as client:
        headers = {**signed, "content-type": "application/json"}
        answer = await client.post(f"/pay/{way}/notifications", content=body, headers=headers)
    return answer.status_code == 200
