"""One order at the desk: the documents beside the data, a verdict on each item, and what becomes of it."""

import asyncio
import io
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pypdfium2
from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue import paying
from certificates.catalogue.scope import Service, Way
from certificates.desk import verdicts as kept
from certificates.desk.queue import lying
from certificates.desk.reviewing import HELD_IN, Decision, holds, whose_verdicts
from certificates.desk.stock import ASSIGNABLE, needs_one, of_order
from certificates.desk.verdicts import Verdict
from certificates.issuing.deciding import MAKES
from certificates.issuing.giving_up import may_stop
from certificates.orders import fields, materials
from certificates.orders.about import authorized
from certificates.orders.masking import masked
from certificates.orders.mine import Mine
from certificates.orders.needs import Asked, fulfilled
from certificates.orders.order import Order, OrderEvent, history
from certificates.orders.states import OrderAct, OrderActor, OrderState
from certificates.orders.table import AT_REVIEW, FINAL, Need, acts_of, row_for
from office.pdfium import PDFIUM
from web.certificates.desk import due_shown
from web.certificates.desk_counter import at_counter
from web.certificates.desk_facts import business, parcel, persons
from web.certificates.desk_judging import Sayable, asked, read, sayable
from web.certificates.desk_own import (
    DESK,
    LACKS,
    clerk_of,
    desk_address,
    in_desk_words,
    order_in_path,
    reviewing_on,
    shown_version,
)
from web.certificates.desk_seal import seal_shown
from web.certificates.order_pages import authority_name, material_row
from web.certificates.order_words import ACTS, CHOICES, DOCUMENTS, LABELS, PAYMENTS, SECTIONS, SIDES
from web.certificates.own import orders_on
from web.certificates.showing import around, certificate_name, order_price
from web.certificates.unlock import is_unlocked_at_home
from web.languages import N_
from web.pages import page
from web.visits import Visit

_FILE: Final = re.compile(r"[0-9a-f]{16}")
MOST_PAGES: Final = 10
"""Of an uploaded form that are shown; forms have one or two."""
_PDF_SIDE: Final = 1400
"""Pixels of the longer side of a page that is shown."""
DONE: Final[Mapping[Decision, str]] = {
    Decision.KEEP: N_("已保存，审核还没有结束。"),
    Decision.APPROVE: N_("已通过。"),
    Decision.RETURN: N_("已驳回，原因用短信告诉申请人。"),
    Decision.REJECT: N_("已记为不予办理，原因用短信告诉申请人。"),
}


@in_desk_words
async def show(visit: Visit) -> Response:
    """The order. In full, with its files, for who works on it; masked for the other clerks."""
    mine = await order_in_path(visit)
    clerk, now = clerk_of(visit), visit.site.clock()
    held = holds(mine.order, clerk, now)
    reading = held and mine.order.state in AT_REVIEW | {OrderState.AWAITING_PAPER}
    if reading:
        await reviewing_on(visit).look_at_details(mine.order.number, clerk, now=now)
    return page(
        visit,
        "certificates/desk/order.html",
        **around(visit, mine, None),
        **await _beside(visit, mine, reading=reading),
        held=reading,
        judging=reading and mine.order.state in AT_REVIEW,
        acts=await _acts(visit, mine.order),
        rejects=_rejects(mine.order),
    )


async def _acts(visit: Visit, order: Order) -> frozenset[OrderAct]:
    """What the table offers a clerk in this state, but taking back what can't be taken back any more."""
    found, now = frozenset(acts_of(order.state, OrderActor.CLERK)), visit.site.clock()
    asked = Asked(order, clerk_of(visit), "", {}, now)
    wants = {OrderAct.REVERSE_REJECTION: Need.UNREFUNDED, OrderAct.REVERSE_HAND_OVER: Need.HANDED_OVER}
    async with visit.site.engine.connect() as connection:
        gone = {
            act
            for act, need in wants.items()
            if act in found and not await fulfilled(connection, need, asked)
        }
    return found - gone


def _rejects(order: Order) -> bool:
    """Outside of the review, where the money would lie for ever, or the paper never comes."""
    if order.state in AT_REVIEW or row_for(OrderAct.REJECT, order.state, OrderActor.CLERK) is None:
        return False
    return order.paid_fen > 0 or order.state is OrderState.AWAITING_PAPER


async def _beside(visit: Visit, mine: Mine, *, reading: bool) -> dict[str, Any]:
    order, site = mine.order, visit.site
    lies = await lying(site.engine, order, now=site.clock())
    async with site.engine.connect() as connection:
        whose = whose_verdicts(order, clerk_of(visit)) if reading else None
        said = await kept.of(connection, order.number, by=whose)
        ukey = await of_order(connection, order.number)
        acting = order.state in FINAL or await authorized(connection, order, site.clock())
        stops = await may_stop(connection, order, site.clock())
        events = await history(connection, order.number)
    known, files = await sayable(visit, mine), await orders_on(site).files.of(order.number)
    return {
        **await at_counter(visit, mine, ukey, said),
        "takes_ukey": needs_one(order) and order.state in ASSIGNABLE,
        "reissues": needs_one(order) and row_for(OrderAct.REISSUE, order.state, OrderActor.CLERK) is not None,
        "writes": Service(order.service) in MAKES and order.state in ASSIGNABLE,
        "unlocks": _unlocks(order),
        "stops": stops,
        **await business(visit, mine),
        "parcel": await parcel(visit, mine),
        "persons": await persons(visit, mine),
        "desk": desk_address(order.number),
        "ended": "" if acting else visit.text(LACKS[Need.ACTING]),
        "lies": lies,
        **due_shown(visit, lies),
        "name": certificate_name(mine),
        "authority": await authority_name(visit, order),
        "payment": visit.text(PAYMENTS[order.payment_way]) if order.payment_way in PAYMENTS else "",
        "parts": order_price(visit, order),
        "sections": [
            {
                "title": title,
                "rows": rows,
                **asked(visit, known, item, item.partition(":")[2], said.get(item)),
            }
            for item, title, rows in sections(visit, mine, hidden=not reading)
        ],
        "files": [
            _file_row(visit, known, one, said) | {"pages": await _pages(visit, mine, one) if reading else 1}
            for one in files
        ],
        "lacks_voucher": _lacks_voucher(mine, files),
        "seal": await seal_shown(visit, mine) if reading and order.state in AT_REVIEW else None,
        "events": await _events(visit, events),
    }


def _lacks_voucher(mine: Mine, files: Sequence[materials.MaterialFile]) -> bool:
    """The catalogue asks for it with such a transfer; the money counts without, so the review has to know."""
    order, rows = mine.order, paying.payments_of(mine.rules, mine.case)
    wanted = any(row.voucher and row.by == order.payment_way for row in rows)
    return wanted and order.state in HELD_IN and all(one.kind != materials.VOUCHER for one in files)


def _unlocks(order: Order) -> bool:
    """The UKey lies at the desk: it is unlocked here (web/certificates/unlock.py)."""
    here = order.service == Service.UNLOCK and not is_unlocked_at_home(order)
    return here and order.state in ASSIGNABLE


async def _events(visit: Visit, events: Sequence[OrderEvent]) -> list[tuple[datetime, str, str, str]]:
    """What was done, the newest first: when, what, by which of the clerks, why."""
    clerks = {event.actor_id for event in events if event.actor == OrderActor.CLERK} - {None}
    names = {one: person.name for one in clerks if one and (person := await visit.site.accounts.get(one))}
    return [
        (event.at, visit.text(ACTS[event.act]), names.get(event.actor_id or 0, ""), event.reason)
        for event in reversed(events)
        if event.act is not OrderAct.SAVE
    ]


def sections(visit: Visit, mine: Mine, *, hidden: bool) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """What was filled in under its headings, each an item to judge: (item, heading, rows). `hidden`: numbers
    are masked."""
    known = {one.name: one for one in (*fields.request_fields(mine.rules, mine.case), *mine.fields)}
    found: dict[fields.Section, list[tuple[str, str]]] = {}
    for one in known.values():
        value = mine.details.get(one.name, "")
        if value and one.section is not fields.Section.CHECKS:
            shown = masked(one.name, value) if hidden else value.removeprefix("+86")
            shown = visit.text(CHOICES[value]) if value in CHOICES else shown
            found.setdefault(one.section, []).append((visit.text(LABELS[one.name]), shown))
    return [
        (f"{kept.SECTION}:{section}", visit.text(SECTIONS[section]), found[section])
        for section in fields.Section
        if section in found
    ]


async def _pages(visit: Visit, mine: Mine, one: materials.MaterialFile) -> int:
    """How many pages of an uploaded form are shown, one below the other."""
    if one.media_type == "image/jpeg":
        return 1
    content = await orders_on(visit.site).files.content(mine.order.number, one.id, preview=False)
    return 1 if content is None else await asyncio.to_thread(_count, content[0])


def about_of(item: str) -> str:
    """The section of "section:operator"."""
    return item.partition(":")[2]


def _file_row(visit: Visit, known: Sayable, one: materials.MaterialFile, said: Mapping[str, Verdict]) -> Any:
    item = f"{kept.FILE}:{one.id}"
    return material_row(visit, one) | {
        "pdf": one.media_type != "image/jpeg",
        **asked(visit, known, item, one.kind.partition(".")[0], said.get(item)),
    }


@in_desk_words
async def take(visit: Visit) -> Response:
    mine = await order_in_path(visit)
    await reviewing_on(visit).take(mine.order.number, clerk_of(visit), now=visit.site.clock())
    return visit.done(desk_address(mine.order.number), visit.text(N_("已接办，30 分钟内别人不能办理。")))


@in_desk_words
async def put_back(visit: Visit) -> Response:
    mine = await order_in_path(visit)
    await reviewing_on(visit).put_back(mine.order.number, clerk_of(visit), now=visit.site.clock())
    return visit.done(DESK, visit.text(N_("已放回，别的办证人员可以接办。")))


Act = Callable[..., Awaitable[Order]]


async def _with_reason(visit: Visit, act: Act, said: str) -> Response:
    """What a clerk does to the order that is shown, for the reason of the form."""
    mine = await order_in_path(visit)
    reason, version = visit.form.get("reason", ""), shown_version(visit, mine.order)
    await act(mine.order.number, clerk_of(visit), reason, version, now=visit.site.clock())
    return visit.done(desk_address(mine.order.number), visit.text(said))


@in_desk_words
async def reverse(visit: Visit) -> Response:
    """撤回审核: an approval by mistake, before anything is issued."""
    return await _with_reason(visit, reviewing_on(visit).reverse, N_("已撤回，订单重新审核。"))


@in_desk_words
async def reject(visit: Visit) -> Response:
    """不予办理, where nothing is reviewed: nobody goes on with it."""
    return await _with_reason(visit, reviewing_on(visit).reject, DONE[Decision.REJECT])


@in_desk_words
async def unreject(visit: Visit) -> Response:
    """撤回不予办理, before any money went back."""
    return await _with_reason(visit, reviewing_on(visit).unreject, N_("已撤回，订单继续办理。"))


@in_desk_words
async def decide(visit: Visit) -> Response:
    """The verdicts of the form, and what becomes of the order."""
    mine = await order_in_path(visit)
    wanted = visit.form.get("decision", "")
    if wanted not in set(Decision):
        raise HTTPException(400)
    decision, number = Decision(wanted), mine.order.number
    items = await _items(visit, mine)
    done = await reviewing_on(visit).decide(
        number,
        clerk_of(visit),
        read(visit, await sayable(visit, mine), {item: about for item, (_name, about) in items.items()}),
        decision,
        visit.form.get("words", ""),
        expected=frozenset(items),
        named={item: name for item, (name, _about) in items.items()},
        version=shown_version(visit, mine.order),
        now=visit.site.clock(),
    )
    text = visit.text(DONE[decision])
    if done.state is OrderState.SECOND_REVIEW:
        text = visit.text(N_("初审已通过，等另一位办证人员复核。"))
    name = certificate_name(mine) if done.subject == "organization" else ""  # it lies in a cookie meanwhile
    about = {"name": name or number, "said": text}
    to = desk_address(number) if decision is Decision.KEEP or _is_next_here(done) else DESK
    return visit.done(to, visit.text(N_("%(name)s：%(said)s")) % about)


def _is_next_here(order: Order) -> bool:
    """Approved, and the desk goes on with it: a UKey is written or unlocked, or somebody waits there."""
    here = order.way == Way.COUNTER or needs_one(order) or _unlocks(order)
    return order.state is OrderState.APPROVED and here


async def _items(visit: Visit, mine: Mine) -> dict[str, tuple[str, str]]:
    """What is to be judged: item to (what it is called in Chinese for the applicant, what it is about)."""
    found = {
        item: (SECTIONS[about_of(item)], about_of(item))
        for item, _title, _rows in sections(visit, mine, hidden=True)
    }
    for one in await orders_on(visit.site).files.of(mine.order.number):
        document, _, side = one.kind.partition(".")
        called = f"{DOCUMENTS[document]}（{SIDES[side]}）" if side in SIDES else DOCUMENTS[document]
        found[f"{kept.FILE}:{one.id}"] = (called, document)
    return found


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────


@in_desk_words
async def file(visit: Visit) -> Response:
    """An uploaded file as a picture, for who works on the order; each look stands in the audit log."""
    mine, which = await order_in_path(visit), visit.param("file")
    if not _FILE.fullmatch(which):
        raise HTTPException(404)
    number = mine.order.number
    found = await reviewing_on(visit).look(number, which, clerk_of(visit), now=visit.site.clock())
    content = await orders_on(visit.site).files.content(number, which, preview=False) if found else None
    if found is None or content is None:
        raise HTTPException(404)
    picture = content[0]
    if found.media_type != "image/jpeg":
        wanted = visit.page() - 1
        picture = await asyncio.to_thread(_drawn, content[0], wanted)
    headers = {"Content-Disposition": "inline", "Cache-Control": "no-store"}
    return Response(picture, media_type="image/jpeg", headers=headers)


def _count(pdf: bytes) -> int:
    with PDFIUM:
        document = pypdfium2.PdfDocument(pdf)
        try:
            return min(len(document), MOST_PAGES)
        finally:
            document.close()


def _drawn(pdf: bytes, wanted: int) -> bytes:
    """A page of an uploaded form as a picture: a PDF itself never reaches the clerk's computer."""
    with PDFIUM:
        document = pypdfium2.PdfDocument(pdf)
        try:
            sheet = document[min(wanted, len(document) - 1)]
            scale = _PDF_SIDE / max(sheet.get_size())
            image = sheet.render(scale=min(scale, 4.0), may_draw_forms=False).to_pil().convert("RGB")
        finally:
            document.close()
    to = io.BytesIO()
    image.save(to, "JPEG", quality=85)
    return to.getvalue()
