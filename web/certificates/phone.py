"""手机号码＋验证码登录: for channels that need no account, by their data.

A telephone is typed, gets a code, and with the code this browser may begin orders that belong to it for half
an hour (own.Access); later they are found by the order query, or by signing in so again. Whether a telephone
has orders is told only to who has its code. Source: spec/certificates.md, "Steps", shenzhen-ca.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.orders.boxes import OrderBoxes
from certificates.orders.by_telephone import Access
from certificates.orders.codes import CodePurpose, Codes, Letter, TooSoon, WrongCode
from certificates.orders.masking import masked_number
from certificates.orders.reading import Fault
from office.contacts import phone as read_mobile
from web.certificates import challenge, pacing
from web.certificates.access import grant
from web.certificates.order_words import FAULTS
from web.certificates.proving import TOO_SOON, WRONG_CODE
from web.languages import N_
from web.pages import page
from web.visits import Visit, local

HERE: Final = "/certificates/phone"
LIVES_S: Final = 15 * 60
SENDS_PER_ADDRESS: Final = 20
TRIES_PER_ADDRESS: Final = 60
_ASKED: Final = "luochui:order-phone"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


async def form(visit: Visit) -> Response:
    return _form(visit, {})


def _form(visit: Visit, errors: Mapping[str, str], status: int = 200) -> Response:
    to = visit.form.get("next") or visit.query("next", 300)
    return page(
        visit,
        "certificates/phone.html",
        status,
        errors=errors,
        typed=visit.form.get("phone", "")[:30],
        next_page=_place(to),
        challenge=challenge.ask(visit),
    )


def _place(to: str) -> str:
    """Only pages of the certificate services: the proof is not for others."""
    place = local(to)
    return place if place.startswith("/certificates/") else "/certificates/query/orders"


async def ask(visit: Visit) -> Response:
    """A telephone: a code goes there."""
    errors, number = {}, read_mobile(visit.form.get("phone", "")[:30])
    if number is None:
        errors["phone"] = visit.text(FAULTS[Fault.MOBILE])
    elif not await challenge.passed(visit):
        errors[challenge.FIELD] = visit.text(FAULTS[Fault.CHALLENGE])
    if number is None or errors:
        return _form(visit, errors, 422)
    token = secrets.token_urlsafe(32)
    wait_s = await _send(visit, token, number)
    if wait_s:
        return _form(visit, {"phone": visit.text(TOO_SOON) % {"seconds": wait_s}}, 429)
    box = visit.site.marks.box(_ASKED, number.encode()).hex()
    kept = json.dumps([box, _place(visit.form.get("next", "")[:300])])
    await visit.site.redis.set(_key(visit, token), kept, ex=LIVES_S)
    return visit.redirect(f"{HERE}/{token}")


async def _send(visit: Visit, token: str, number: str) -> int:
    """0: sent; else the seconds to wait."""
    if not await pacing.may(visit, "code", visit.address, most=SENDS_PER_ADDRESS, seconds=3600):
        return 3600
    mark = OrderBoxes(visit.site.marks).address_mark(number)
    letter = Letter(number, mark, visit.site.settings.platform_name, visit.locale)
    try:
        async with visit.site.engine.begin() as connection:
            await Codes(visit.site.marks).send(
                connection, CodePurpose.BEGIN, _bound(token), letter, visit.site.clock()
            )
    except TooSoon as soon:
        return soon.wait_s
    return 0


def _bound(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _key(visit: Visit, token: str) -> str:
    """Another browser with the same address finds nothing."""
    return f"{_ASKED}:{hashlib.sha256(f'{visit.visitor} {token}'.encode()).hexdigest()}"


async def _question(visit: Visit) -> tuple[str, str, str]:
    """(token, telephone, where to go on); 404 when it is over or another browser's."""
    token = visit.param("question")
    kept = await visit.site.redis.get(_key(visit, token)) if _TOKEN.fullmatch(token) else None
    if not kept:
        raise HTTPException(404)
    box, to = json.loads(kept)
    return token, visit.site.marks.unbox(_ASKED, bytes.fromhex(box)).decode(), to


async def code_form(visit: Visit) -> Response:
    token, number, _to = await _question(visit)
    return await _code_form(visit, token, number, {})


async def _code_form(
    visit: Visit, token: str, number: str, errors: Mapping[str, str], status: int = 200
) -> Response:
    async with visit.site.engine.connect() as connection:
        _ticket, wait_s = await Codes(visit.site.marks).current(
            connection, CodePurpose.BEGIN, _bound(token), visit.site.clock()
        )
    return page(
        visit,
        "certificates/phone_code.html",
        status,
        here=f"{HERE}/{token}",
        phone=masked_number(number),
        wait_s=wait_s,
        errors=errors,
    )


async def send_again(visit: Visit) -> Response:
    token, number, _to = await _question(visit)
    wait_s = await _send(visit, token, number)
    if wait_s:
        return visit.refused(f"{HERE}/{token}", visit.text(TOO_SOON) % {"seconds": wait_s}, 429)
    return visit.done(f"{HERE}/{token}", visit.text(N_("验证码已发送，请查看手机短信。")))


async def prove(visit: Visit) -> Response:
    token, number, to = await _question(visit)
    if not await pacing.may(visit, "try", visit.address, most=TRIES_PER_ADDRESS, seconds=3600):
        raise HTTPException(429)
    codes, now, code = Codes(visit.site.marks), visit.site.clock(), visit.form.get("code", "").strip()
    async with visit.site.engine.connect() as connection:
        ticket, _wait = await codes.current(connection, CodePurpose.BEGIN, _bound(token), now)
        try:
            mark = await codes.prove(connection, CodePurpose.BEGIN, _bound(token), ticket, code, now)
        except WrongCode:
            await connection.commit()
            return await _code_form(visit, token, number, {"code": visit.text(WRONG_CODE)}, 422)
        await connection.commit()
    await visit.site.redis.delete(_key(visit, token))
    response = visit.redirect(to)
    await grant(visit, response, Access("", mark, number))
    return response
