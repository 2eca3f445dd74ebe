"""订单查询 without an account: kind and document number, one of the masked applicants, a one-time code.

Nobody learns here whether a number is known: an unknown one shows an applicant, too, who is made up of the
number by a keyed hash and whose telephone is nobody's; the code is asked for, paced and refused alike. The
work is alike as well: as many orders are read and opened for one number as for any other, strangers' in the
place of those that are missing, so that the time of an answer tells nothing either.
Source: spec/certificates.md, "order query (shared)".
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.orders.boxes import OrderBoxes
from certificates.orders.by_telephone import Access, contacts
from certificates.orders.codes import CodePurpose, Codes, Letter, TooSoon, WrongCode
from certificates.orders.masking import masked_name, masked_number
from certificates.orders.mine import contact_of
from certificates.orders.order import begun_by, latest_numbers, of_contact
from certificates.orders.performing import By
from certificates.orders.reading import Fault, credit_code, document_number
from web.certificates import challenge, pacing
from web.certificates.access import access_of, grant
from web.certificates.listing import rows_of
from web.certificates.order_words import FAULTS
from web.certificates.own import orders_on, orders_opened
from web.certificates.proving import TOO_SOON, WRONG_CODE
from web.languages import N_
from web.pages import page
from web.visits import Visit, local

HERE: Final = "/certificates/query"
LIVES_S: Final = 15 * 60
MOST_ORDERS: Final = 50
MOST_APPLICANTS: Final = 10
"""Telephones, each proved, that are listed for one number."""
QUESTIONS_PER_ADDRESS: Final = 20
QUESTIONS_PER_NUMBER: Final = 10
TRIES_PER_ADDRESS: Final = 60
_ASKED: Final = "luochui:order-query"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高"
_KINDS: Final = ("organization", "person")


@dataclass(frozen=True, slots=True)
class Applicant:
    """One masked line. `sends_to`: an order whose contact gets the code; "" for a made-up one."""

    name: str
    phone: str
    contact_mark: str
    sends_to: str


# ── the question ────────────────────────────────────────────────────────────────────────────────────────────


async def form(visit: Visit) -> Response:
    return _form(visit)


def _form(visit: Visit, errors: Mapping[str, str] | None = None, status: int = 200) -> Response:
    return page(
        visit,
        "certificates/query.html",
        status,
        errors=errors or {},
        typed=visit.form,
        next_page=_order_page(visit.form.get("next") or visit.query("next", 300)),
        challenge=challenge.ask(visit),
    )


def _order_page(to: str) -> str:
    """The page of an order that asked for the proof; ""."""
    place = local(to)
    return place if place.startswith("/certificates/orders/") else ""


async def ask(visit: Visit) -> Response:
    kind, typed = visit.form.get("kind", ""), visit.form.get("number", "")[:60]
    errors = {}
    number = ""
    if kind not in _KINDS:
        errors["kind"] = visit.text(FAULTS[Fault.NOT_A_CHOICE])
    else:
        found = credit_code(typed) if kind == "organization" else _person_number(typed)
        if isinstance(found, Fault):
            errors["number"] = visit.text(FAULTS[found])
        else:
            number = found
    if not errors and not await challenge.passed(visit):
        errors[challenge.FIELD] = visit.text(FAULTS[Fault.CHALLENGE])
    if errors:
        return _form(visit, errors, 422)
    mark = OrderBoxes(visit.site.marks).number_mark(kind, number)
    by_address = await pacing.may(visit, "ask", visit.address, most=QUESTIONS_PER_ADDRESS, seconds=3600)
    by_number = await pacing.may(visit, "number", mark, most=QUESTIONS_PER_NUMBER, seconds=3600)
    if not (by_address and by_number):
        return _form(visit, {"": visit.text(N_("查询得太频繁，请过一会儿再试。"))}, 429)
    token = secrets.token_urlsafe(32)
    applicants = await _applicants(visit, mark)
    kept = {"mark": mark, "rows": [[a.name, a.phone, a.contact_mark, a.sends_to] for a in applicants]}
    await visit.site.redis.set(_key(visit, token), json.dumps(kept, ensure_ascii=False), ex=LIVES_S)
    return visit.redirect(f"{HERE}/{token}")


def _person_number(typed: str) -> str | Fault:
    """An ID card's number, or another document's."""
    if not typed.strip():
        return Fault.EMPTY
    as_card = document_number("id_card", typed)
    return as_card if not isinstance(as_card, Fault) else document_number("passport", typed)


async def _applicants(visit: Visit, mark: str) -> list[Applicant]:
    site, found = visit.site, []
    async with site.engine.connect() as connection:
        own = await contacts(connection, site.marks, mark, MOST_APPLICANTS, site.clock())
        strangers = await latest_numbers(connection, MOST_APPLICANTS)
    others = [number for number in strangers if number not in own]
    for number in (own + others)[:MOST_APPLICANTS]:
        mine = await orders_on(visit.site).of(number, By.applicant(None))
        name, phone = contact_of(mine)
        if phone and number in own:
            found.append(Applicant(masked_name(name), masked_number(phone), mine.order.contact_mark, number))
    return found or [_made_up(visit, mark)]


def _made_up(visit: Visit, mark: str) -> Applicant:
    """The same for the same number, for as long as the platform's secret lasts."""
    digest = int(visit.site.marks.mark("nobody's order", mark), 16)
    name = f"{_SURNAMES[digest % len(_SURNAMES)]}*"
    head = ("138", "139", "137", "151", "186", "188", "130", "159")[digest // 97 % 8]
    contact_mark = visit.site.marks.mark("nobody's telephone", mark)
    return Applicant(name, f"{head}****{digest // 7919 % 10_000:04d}", contact_mark, "")


def _key(visit: Visit, token: str) -> str:
    return f"{_ASKED}:{hashlib.sha256(f'{visit.visitor} {token}'.encode()).hexdigest()}"


async def _question(visit: Visit) -> tuple[str, str, list[Applicant]]:
    """(token, number mark, applicants) of the address; 404 when it is over or another browser's."""
    token = visit.param("question")
    kept = await visit.site.redis.get(_key(visit, token)) if _TOKEN.fullmatch(token) else None
    if not kept:
        raise HTTPException(404)
    facts = json.loads(kept)
    return token, facts["mark"], [Applicant(*one) for one in facts["rows"]]


# ── the code ────────────────────────────────────────────────────────────────────────────────────────────────


async def applicants(visit: Visit) -> Response:
    token, _mark, rows = await _question(visit)
    return await _applicants_page(visit, token, rows)


async def _applicants_page(
    visit: Visit, token: str, rows: list[Applicant], errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    codes, now = Codes(visit.site.marks), visit.site.clock()
    shown: list[dict[str, Any]] = []
    async with visit.site.engine.connect() as connection:
        for index, one in enumerate(rows):
            ticket, wait_s = await codes.current(connection, CodePurpose.QUERY, _bound(token, index), now)
            shown.append({"one": one, "index": index, "sent": bool(ticket), "wait_s": wait_s})
    return page(
        visit,
        "certificates/query_applicants.html",
        status,
        here=f"{HERE}/{token}",
        rows=shown,
        any_sent=any(row["sent"] for row in shown),
        errors=errors or {},
    )


def _bound(token: str, index: int) -> str:
    return f"{hashlib.sha256(token.encode()).hexdigest()} {index}"


def _index(visit: Visit, rows: list[Applicant]) -> int:
    asked = visit.form.get("which", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) == 1 and int(asked) < len(rows)):
        raise HTTPException(404)
    return int(asked)


async def send_code(visit: Visit) -> Response:
    token, mark, rows = await _question(visit)
    index = _index(visit, rows)
    one = rows[index]
    to = f"{HERE}/{token}"
    if not await pacing.may(visit, "code", visit.address, most=QUESTIONS_PER_ADDRESS, seconds=3600):
        return visit.refused(to, visit.text(TOO_SOON) % {"seconds": 3600}, 429)
    phone = await _phone_of(visit, mark, one)
    letter = Letter(phone or None, one.contact_mark, visit.site.settings.platform_name, visit.locale)
    try:
        async with visit.site.engine.begin() as connection:
            await Codes(visit.site.marks).send(
                connection, CodePurpose.QUERY, _bound(token, index), letter, visit.site.clock()
            )
    except TooSoon as soon:
        return visit.refused(to, visit.text(TOO_SOON) % {"seconds": soon.wait_s}, 429)
    return visit.done(to, visit.text(N_("如果这个手机能收到短信，验证码已发出，10 分钟内有效。")))


async def _phone_of(visit: Visit, number_mark: str, one: Applicant) -> str:
    """The telephone of who was chosen; "" for somebody made up, after the same work.

    "" as well when the order names another telephone by now, or is not this one's any more: a code proves the
    telephone that it went to, and much may have changed between the question and the code.
    """
    async with visit.site.engine.connect() as connection:
        strangers = await latest_numbers(connection, 1)
    number = one.sends_to or next(iter(strangers), "")
    if not number:
        return ""
    mine = await orders_on(visit.site).of(number, By.applicant(None))
    phone = contact_of(mine)[1]
    still = OrderBoxes(visit.site.marks).address_mark(phone) == one.contact_mark
    theirs = await orders_opened(visit, Access(number_mark, one.contact_mark), [mine.order])
    return phone if one.sends_to and still and theirs else ""


async def prove(visit: Visit) -> Response:
    token, mark, rows = await _question(visit)
    index = _index(visit, rows)
    codes, now = Codes(visit.site.marks), visit.site.clock()
    if not await pacing.may(visit, "try", visit.address, most=TRIES_PER_ADDRESS, seconds=3600):
        raise HTTPException(429)
    bound = _bound(token, index)
    async with visit.site.engine.connect() as connection:
        ticket, _wait = await codes.current(connection, CodePurpose.QUERY, bound, now)
        try:
            code = visit.form.get("code", "").strip()
            proved = await codes.prove(connection, CodePurpose.QUERY, bound, ticket, code, now)
        except WrongCode:
            await connection.commit()
            return await _applicants_page(visit, token, rows, {"code": visit.text(WRONG_CODE)}, 422)
        await connection.commit()
    response = visit.redirect(f"{HERE}/orders")
    await grant(visit, response, Access(mark, proved))
    return response


# ── the answer ──────────────────────────────────────────────────────────────────────────────────────────────


async def orders(visit: Visit) -> Response:
    """The orders that the proved telephone stands for; without the proof, the question again."""
    access = await access_of(visit)
    if access is None:
        return visit.redirect(HERE)
    async with visit.site.engine.connect() as connection:
        found = await of_contact(connection, access.number_mark, access.contact_mark, MOST_ORDERS)
        found += await begun_by(connection, access.contact_mark, MOST_ORDERS)
    own = await orders_opened(visit, access, list({one.number: one for one in found}.values()))
    return page(visit, "certificates/query_orders.html", rows=await rows_of(visit, own))
