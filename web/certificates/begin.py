"""Beginning an order: one business of one channel, for whom; with an account, or where the channel allows it
with a telephone that was proved (phone.py)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue import prices
from certificates.catalogue.model import Service, SubjectKind, Way
from certificates.catalogue.scope import Case
from certificates.catalogue.store import Catalogue, StoredChannel
from certificates.orders.beginning import NotOffered, TooManyOpen
from certificates.orders.by_telephone import Access
from certificates.orders.masking import masked_number
from web.certificates.access import access_of
from web.certificates.order_words import WAYS
from web.certificates.own import APPLICANTS, orders_on
from web.certificates.prefill import fits
from web.languages import N_
from web.pages import page
from web.subjects.acting import all_of
from web.visits import Visit

NOT_OFFERED: Final = N_("这里不办理这项业务，请看办理方式说明。")
TOO_MANY_OPEN: Final = N_("您有太多没办完的订单，请先办完或者取消一些。")
NOT_FOR_THEM: Final = N_("现在不能替这个单位办理：委托已经结束或者到期。")
_CASE: Final = ("service", "subject", "way")


async def begin_page(visit: Visit) -> Response:
    """What it takes, and the button to begin. What is not offered says where to go instead."""
    stored, case = await _asked(visit, {name: visit.query(name) for name in ("channel", *_CASE)})
    route = stored.rules.route(case)
    if stored.rules.offer(case) is None or route is None:
        return _elsewhere(visit, stored, case)
    access = await access_of(visit) if visit.signed_in is None and stored.rules.phone_sign_in else None
    return page(
        visit,
        "certificates/begin.html",
        channel=stored.rules,
        case=case,
        stages=[visit.named(stage) for stage in route.stages],
        materials=stored.rules.materials_for(case),
        review=stored.rules.review_of(case),
        prices=_price_rows(visit, stored, case),
        here=_here(stored, case),
        renames=case.service is Service.MODIFY,
        choices=await _for_whom(visit, case),
        phone=masked_number(access.phone) if access is not None and access.phone else "",
    )


def _elsewhere(visit: Visit, stored: StoredChannel, case: Case) -> Response:
    """The word of the catalogue, a link to the channel that does it, the ways that there are."""
    row = stored.rules.instead(case)
    ways = stored.rules.ways(case.service, case.subject)
    return page(
        visit,
        "certificates/not_here.html",
        404,
        channel=stored.rules,
        case=case,
        note=row.note if row is not None else "",
        elsewhere=row.channel if row is not None else "",
        ways=[(_here(stored, replace(case, way=way)), visit.text(WAYS[way])) for way in ways],
    )


async def _asked(visit: Visit, given: Mapping[str, str]) -> tuple[StoredChannel, Case]:
    """The channel and the business of a form or an address; 404 for what does not exist."""
    stored = await Catalogue(visit.site.engine).published(given.get("channel", "")[:40])
    try:
        case = Case(
            service=Service(given.get("service", "")),
            subject=SubjectKind(given.get("subject", "")),
            way=Way(given.get("way", "") or Way.ONLINE),
        )
    except ValueError as unknown:
        raise HTTPException(404) from unknown
    if stored is None:
        raise HTTPException(404)
    return stored, case


def _here(stored: StoredChannel, case: Case) -> str:
    business = f"service={case.service}&subject={case.subject}&way={case.way}"
    return f"/certificates/apply?channel={stored.key}&{business}"


def _price_rows(visit: Visit, stored: StoredChannel, case: Case) -> list[tuple[str, int, bool]]:
    """(what, fen, whether the sum is ours) of the shortest term of every product."""
    found = []
    for product in stored.rules.products_for(case.subject, stored.rules.authorities[0]):
        asked = replace(case, product=product.key)
        row = prices.price_of(stored.rules, asked)
        if row is not None:
            quoted = prices.quote(stored.rules, asked, 1 if row.most_years else None)
            found.append((visit.named(product), quoted.total, quoted.ours))
    return found


async def _for_whom(visit: Visit, case: Case) -> list[tuple[int, str]]:
    """The registered organizations, or the person, that the visitor may act for in this business."""
    if visit.signed_in is None or visit.role not in APPLICANTS:
        return []
    found = await all_of(visit.site, visit.signed_in.account_id, visit.site.clock())
    return [(one.subject.id, one.subject.name) for one in found if fits(one.subject.kind, case.subject)]


async def begin(visit: Visit) -> Response:
    """Signed in as who may apply, or with a proved telephone where the channel takes that."""
    if visit.signed_in is not None and visit.role not in APPLICANTS:
        raise HTTPException(403)
    access = await access_of(visit) if visit.signed_in is None else None
    if visit.signed_in is None and (access is None or not access.phone):
        raise HTTPException(401)
    stored, case = await _asked(visit, visit.form)
    try:
        number = await _begun(visit, access, stored, case)
    except NotOffered:
        return visit.refused(_here(stored, case), visit.text(NOT_OFFERED), 422)
    except TooManyOpen:
        return visit.refused(_here(stored, case), visit.text(TOO_MANY_OPEN))
    except _NotForThem:
        return visit.refused(_here(stored, case), visit.text(NOT_FOR_THEM), 422)
    return visit.redirect(f"/certificates/orders/{number}/go-on")


class _NotForThem(Exception):
    """The visitor does not act for who was asked for."""


async def _begun(visit: Visit, access: Access | None, stored: StoredChannel, case: Case) -> str:
    orders, now = orders_on(visit.site), visit.site.clock()
    if visit.signed_in is None:
        assert access is not None
        return await orders.begin_by_phone(access.phone, stored, case, now=now)
    account_id = visit.signed_in.account_id
    chosen = await _chosen(visit, case)
    return await orders.begin(account_id, stored, case, now=now, market_subject=chosen)


async def _chosen(visit: Visit, case: Case) -> int | None:
    """For whom. Who acts for one alone is not asked; who acts for nobody types everything.

    Raises _NotForThem.
    """
    ids = [str(key) for key, _name in await _for_whom(visit, case)]
    asked = visit.form.get("for", ids[0] if len(ids) == 1 else "")
    if not ids and not asked:
        return None
    if asked not in ids:
        raise _NotForThem
    return int(asked)
