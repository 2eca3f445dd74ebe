"""解锁: the subscriber's page with the authorization code, and the desk's for who stands there."""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.model import ChannelRules, Service, Step
from certificates.orders.codes import TooSoon
from certificates.orders.masking import masked_number
from certificates.orders.mine import Mine, contact_of
from certificates.orders.order import Order
from certificates.orders.performing import By
from certificates.orders.unlocking import UNLOCKABLE, NotUnlocked
from web.certificates import pacing
from web.certificates import unlock_flow as flow
from web.certificates.about import CODES_PER_ADDRESS, TOO_SOON
from web.certificates.desk_own import clerk_of, desk_address, in_desk_words, order_in_path
from web.certificates.own import in_words, mine_in_path
from web.certificates.showing import around, certificate_name
from web.languages import N_
from web.pages import page
from web.visits import Visit

BASE: Final = "/certificates/unlock"


async def _mine(visit: Visit) -> Mine:
    """One's own order whose UKey is unlocked at home; 404 for others', and for what the desk unlocks."""
    mine = await mine_in_path(visit)
    if mine.order.service != Service.UNLOCK or Step.AUTHORIZATION_CODE not in mine.order.steps:
        raise HTTPException(404)
    return mine


@in_words
async def show(visit: Visit) -> Response:
    mine = await _mine(visit)
    here = f"{BASE}/{mine.order.number}"
    more = await _facts(visit, mine, here, desk=False)
    if more["open"]:
        sent, wait_s = await flow.unlocking_on(visit.site).code_wait(mine.order.number, visit.site.clock())
        more |= {"sent": sent, "wait_s": wait_s, "phone": masked_number(contact_of(mine)[1])}
    return page(visit, "certificates/unlock.html", **around(visit, mine, None), **more)


async def _facts(visit: Visit, mine: Mine, here: str, *, desk: bool) -> dict[str, Any]:
    card, refusal = "", ""
    try:
        card = (await flow.unlocking_on(visit.site).certificate(mine.order.number)).crypto_card
    except NotUnlocked as why:
        refusal = visit.text(flow.refusal_text(why.code))
    is_open = mine.order.state in UNLOCKABLE and not refusal
    return {
        "desk": desk,
        "unlock_here": here,
        "card": card,
        "name": certificate_name(mine),
        "refusal": refusal,
        "open": is_open,
        "pin": _length(mine.rules),
        "jobs": [_job(visit, here)] if is_open else [],
    }


def _length(rules: ChannelRules) -> tuple[int, int]:
    return rules.pin_length.least, rules.pin_length.most


def _job(visit: Visit, here: str) -> dict[str, Any]:
    return {
        "challenge": f"{here}/job",
        "answer": f"{here}/unlocked",
        "fields": {"to": here},
        "title": visit.text(N_("设置新密码")),
    }


@in_words
async def send_code(visit: Visit) -> Response:
    mine = await _mine(visit)
    here = f"{BASE}/{mine.order.number}"
    if not await pacing.may(visit, "code", visit.address, most=CODES_PER_ADDRESS, seconds=3600):
        return visit.refused(here, visit.text(TOO_SOON) % {"seconds": 3600}, 429)
    try:
        phone = await flow.unlocking_on(visit.site).send_code(mine, visit.locale, now=visit.site.clock())
    except TooSoon as soon:
        return visit.refused(here, visit.text(TOO_SOON) % {"seconds": soon.wait_s}, 429)
    except NotUnlocked as why:
        return visit.refused(here, visit.text(flow.refusal_text(why.code)))
    text = visit.text(N_("解锁授权码已发送到 %(phone)s，请查看短信。"))
    return visit.done(here, text % {"phone": masked_number(phone)})


@in_words
async def job(visit: Visit) -> Response:
    mine = await _mine(visit)
    return await flow.job_for_code(visit, mine.order.number, mine.by)


@in_words
async def unlocked(visit: Visit) -> Response:
    mine = await _mine(visit)
    return await flow.unlocked(visit, mine.order.number, mine.by)


# ── at the desk ─────────────────────────────────────────────────────────────────────────────────────────────


async def _at_desk(visit: Visit) -> tuple[Mine, str]:
    mine = await order_in_path(visit)
    if mine.order.service != Service.UNLOCK or Step.AUTHORIZATION_CODE in mine.order.steps:
        raise HTTPException(404)
    return mine, f"{desk_address(mine.order.number)}/unlock"


@in_desk_words
async def show_at_desk(visit: Visit) -> Response:
    mine, here = await _at_desk(visit)
    more = await _facts(visit, mine, here, desk=True)
    return page(visit, "certificates/unlock.html", **around(visit, mine, None), **more)


@in_desk_words
async def job_at_desk(visit: Visit) -> Response:
    mine, _here = await _at_desk(visit)
    return await flow.job_at_desk(visit, mine.order.number, By.clerk(clerk_of(visit)))


@in_desk_words
async def unlocked_at_desk(visit: Visit) -> Response:
    mine, _here = await _at_desk(visit)
    return await flow.unlocked(visit, mine.order.number, By.clerk(clerk_of(visit)))


def is_unlocked_at_home(order: Order) -> bool:
    return order.service == Service.UNLOCK and Step.AUTHORIZATION_CODE in order.steps
