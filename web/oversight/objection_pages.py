"""异议: made by bidders and transferors, answered by administrators, seen by who made it and by overseers."""

import asyncio
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bidding.terms import LOT_CHARACTERS
from office.accounts import Role
from office.audit.trail import look
from office.files import FileFault
from office.sealed.port import StillSealed
from trading.lifecycle.performing import Lacks, Listings, NotAllowed
from trading.listings.contents import take
from trading.listings.file_kinds import BOUNDS, FileKind, FileRefused
from trading.objections import (
    LONGEST_ANSWER,
    LONGEST_TEXT,
    NAMED_IN,
    PAGE,
    PERIODS,
    Answered,
    NewObjection,
    NotNow,
    Objection,
    ObjectionFault,
    Objections,
    ObjectionState,
    OwnLot,
    TooMany,
)
from web.languages import N_
from web.listings.faults import refusal
from web.listings.uploads import uploaded_name
from web.oversight.auditing import who
from web.oversight.words import OBJECTION_STATES
from web.oversight.words import PERIODS as PERIOD_WORDS
from web.pages import page
from web.visits import Visit

FILE_KIND: Final = FileKind.DECISION
BODY_LIMIT: Final = BOUNDS[FILE_KIND].largest + (64 << 10)
MOST_PAGES: Final = 500
REFUSALS: Final = {
    NotNow: N_("现在不是公告期，也不是结果公告期，不能提出异议。"),
    OwnLot: N_("这是您自己的标的，不能对它提出异议；需要更正或撤回，请从“我的资产”申请。"),
    TooMany: N_("您对这个标的已有三个异议在等答复，请等答复后再提。"),
}
ANSWERED: Final = N_("这个异议已经答复或者撤回了。")


def _objections(visit: Visit) -> Objections:
    site = visit.site
    return Objections(site.engine, site.sealed, site.files, site.marks)


def _me(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id


# ── who objects ─────────────────────────────────────────────────────────────────────────────────────────────


async def new_form(visit: Visit) -> Response:
    return await _form(visit, visit.query("lot", 40), "", {})


async def _form(visit: Visit, lot: str, typed: str, errors: dict[str, str], status: int = 200) -> Response:
    known = 0 < len(lot) <= 32 and set(lot) <= LOT_CHARACTERS
    listing = await Listings(visit.site.engine).get(lot) if known else None
    if listing is None or listing.announced_at is None:
        raise HTTPException(404)
    return page(
        visit,
        "oversight/objection_form.html",
        status,
        lot=listing.lot,
        lot_title=listing.title,
        possible=listing.state in PERIODS and listing.transferor_id != _me(visit),
        typed=typed,
        errors=errors,
        longest=LONGEST_TEXT,
        megabytes=BOUNDS[FILE_KIND].largest >> 20,
    )


async def make(visit: Visit) -> Response:
    lot, typed = visit.form.get("lot", "")[:40], visit.form.get("text", "").strip()
    if not 10 <= len(typed) <= LONGEST_TEXT:
        fault = visit.text(N_("请写明异议的内容和理由，10 到 2000 个字。"))
        return await _form(visit, lot, typed[:LONGEST_TEXT], {"text": fault}, 422)
    name, content = "", visit.files.get("file", b"")
    try:
        if content:
            taken = await asyncio.to_thread(take, FILE_KIND, await uploaded_name(visit), content)
            name, content = taken.name, taken.content
        new = NewObjection(lot=lot, text=typed, file_name=name, file=content)
        number = await _objections(visit).make(new, _me(visit), visit.site.clock())
    except FileRefused as refused:
        return await _form(visit, lot, typed, {"file": refusal(visit, refused)}, 422)
    except (NotNow, OwnLot, TooMany) as fault:
        return await _form(visit, lot, typed, {"": visit.text(REFUSALS[type(fault)])}, 409)
    text = N_("异议已提交，平台会在三个工作日内答复。")
    return visit.done(f"/objections/{number}", visit.text(text))


async def mine(visit: Visit) -> Response:
    number = min(visit.page(), MOST_PAGES)
    found, total = await _objections(visit).mine(_me(visit), number)
    return _list(visit, found, total, number, "/my/objections?page=", own=True)


async def withdraw(visit: Visit) -> Response:
    objection = await _seen(visit)
    here = f"/objections/{objection.id}"
    try:
        await _objections(visit).withdraw(objection.id, _me(visit), visit.site.clock())
    except Answered:
        return visit.refused(here, visit.text(ANSWERED))
    return visit.done(here, visit.text(N_("异议已撤回。")))


# ── who answers, and who looks on ───────────────────────────────────────────────────────────────────────────


async def index(visit: Visit) -> Response:
    """All objections, without their makers."""
    open_only, number = visit.query("show") != "all", min(visit.page(), MOST_PAGES)
    found, total = await _objections(visit).page(number, open_only=open_only)
    address = "/objections?page=" if open_only else "/objections?show=all&page="
    return _list(visit, found, total, number, address, own=False, open_only=open_only)


def _list(
    visit: Visit,
    found: object,
    total: int,
    number: int,
    address: str,
    *,
    own: bool,
    open_only: bool = False,
) -> Response:
    return page(
        visit,
        "oversight/objections.html",
        objections=found,
        total=total,
        number=number,
        pages=min(MOST_PAGES, max(1, -(-total // PAGE))),
        address=address,
        own=own,
        open_only=open_only,
        states=OBJECTION_STATES,
        periods=PERIOD_WORDS,
    )


async def show(visit: Visit) -> Response:
    return await _shown(visit, await _seen(visit), {})


async def _shown(
    visit: Visit, objection: Objection, errors: dict[str, str], status: int = 200, typed: str = ""
) -> Response:
    own = await _objections(visit).is_of(objection.id, _me(visit))
    return page(
        visit,
        "oversight/objection.html",
        status,
        objection=objection,
        own=own,
        objector="" if own else await _named(visit, objection),
        may_answer=visit.role is Role.ADMINISTRATOR and objection.state is ObjectionState.OPEN,
        errors=errors,
        typed=typed,
        states=OBJECTION_STATES,
        periods=PERIOD_WORDS,
    )


async def _named(visit: Visit, objection: Objection) -> str:
    """Who made it, after the close; the look is recorded before it is shown."""
    if objection.lot_state not in NAMED_IN:
        return ""
    try:
        account_id = await _objections(visit).objector(objection.id)
    except StillSealed:
        return ""
    if account_id is None:
        return ""
    async with visit.site.engine.begin() as connection:
        facts = {"lot": objection.lot}
        subject = f"objection {objection.id}"
        await look(connection, **who(visit), what="objection", subject=subject, facts=facts)
    person = await visit.site.accounts.get(account_id)
    return person.name if person else ""


async def _seen(visit: Visit) -> Objection:
    """The objection of the address, for who made it and for overseers; for others there is none."""
    number = visit.param("objection")
    known = number.isascii() and number.isdigit() and len(number) <= 18
    objection = await _objections(visit).get(int(number)) if known else None
    overseer = visit.role in (Role.ADMINISTRATOR, Role.REGULATOR)
    if objection is None or not (overseer or await _objections(visit).is_of(objection.id, _me(visit))):
        raise HTTPException(404)
    return objection


async def answer(visit: Visit) -> Response:
    objection = await _seen(visit)
    decision, typed = visit.form.get("decision", ""), visit.form.get("answer", "").strip()
    errors = {}
    if decision not in ("uphold", "dismiss"):
        errors["decision"] = visit.text(N_("请选择成立或不成立。"))
    if not 5 <= len(typed) <= LONGEST_ANSWER:
        errors["answer"] = visit.text(N_("请写明答复，5 到 2000 个字；不要写出竞买人的名称。"))
    if errors:
        return await _shown(visit, objection, errors, 422, typed[:LONGEST_ANSWER])
    here = f"/objections/{objection.id}"
    try:
        await _objections(visit).answer(
            objection.id, upheld=decision == "uphold", answer=typed, by=_me(visit), now=visit.site.clock()
        )
    except Answered:
        return visit.refused(here, visit.text(ANSWERED))
    return visit.done(here, visit.text(N_("已答复，提出异议的人会收到消息。")))


async def suspend(visit: Visit) -> Response:
    objection = await _seen(visit)
    here, reason = f"/objections/{objection.id}", visit.form.get("reason", "").strip()
    if not 2 <= len(reason) <= 500:
        fault = visit.text(N_("请写明中止的理由，2 到 500 个字；它会公开。"))
        return await _shown(visit, objection, {"reason": fault}, 422)
    try:
        await _objections(visit).suspend(objection.id, reason=reason, by=_me(visit), now=visit.site.clock())
    except (NotAllowed, Lacks):
        return visit.refused(here, visit.text(N_("标的现在的状态不能中止。")))
    except ObjectionFault:
        return visit.refused(here, visit.text(ANSWERED))
    return visit.done(here, visit.text(N_("标的已中止，中止公告已发布。处理好以后请到标的页面恢复。")))


async def file(visit: Visit) -> Response:
    """The attachment: saved, never opened on our address."""
    objection = await _seen(visit)
    try:
        content = await _objections(visit).file(objection.id)
    except FileFault as gone:
        raise HTTPException(404) from gone
    if not content:
        raise HTTPException(404)
    name = f"attachment; filename*=UTF-8''{quote(objection.file_name, safe='')}"
    headers = {"Content-Disposition": name, "Cache-Control": "private, no-store"}
    return Response(content, media_type="application/octet-stream", headers=headers)
