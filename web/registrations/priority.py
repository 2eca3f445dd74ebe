"""优先购买权人: marked by the transferor with a proof, confirmed by an administrator."""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bidding.terms import LOT_CHARACTERS
from office.accounts import Role
from office.audit import trail
from trading.listings.contents import take
from trading.listings.file_kinds import BOUNDS, FileKind, FileRefused
from trading.registrations.lots import RegisterableLot, lot_of
from trading.registrations.priority import BEFORE_THE_BOOK, Holder, HolderRefused, PriorityHolders
from web.languages import N_
from web.listings.faults import refusal
from web.listings.uploads import uploaded_name
from web.pages import page
from web.registrations.own import account_of
from web.registrations.words import HOLDER_FAULTS, HOLDER_STATES
from web.visits import Visit

UPLOAD_LIMIT: Final = BOUNDS[FileKind.PRIORITY_PROOF].largest + (64 << 10)


async def of_lot(visit: Visit) -> Response:
    """The transferor's page."""
    return await _page(visit, await _own_lot(visit), {})


async def _page(visit: Visit, lot: RegisterableLot, errors: dict[str, str], status: int = 200) -> Response:
    return page(
        visit,
        "registrations/priority.html",
        status,
        lot=lot,
        here=f"/my/assets/{lot.lot}/priority",
        holders=await PriorityHolders(visit.site.engine).of_lot(lot.lot),
        state_words={state: visit.text(text) for state, text in HOLDER_STATES.items()},
        may_change=lot.state.value in BEFORE_THE_BOOK,
        typed=visit.form,
        errors=errors,
        megabytes=BOUNDS[FileKind.PRIORITY_PROOF].largest >> 20,
    )


async def mark(visit: Visit) -> Response:
    lot = await _own_lot(visit)
    here, form = f"/my/assets/{lot.lot}/priority", visit.form
    try:
        name = await uploaded_name(visit)
        taken = await asyncio.to_thread(take, FileKind.PRIORITY_PROOF, name, visit.files.get("file", b""))
        kept = await visit.site.files.keep(taken.content)
        rank = form.get("rank", "").strip()
        await PriorityHolders(visit.site.engine).mark(
            lot.lot,
            account_of(visit),
            name=" ".join(form.get("name", "").split()),
            code=form.get("code", ""),
            rank=int(rank) if rank.isascii() and rank.isdigit() and len(rank) < 3 else 0,
            ground=form.get("ground", "").strip(),
            proof=(kept.name, taken.name),
            now=visit.site.clock(),
        )
    except FileRefused as refused:
        return await _page(visit, lot, {"file": refusal(visit, refused)}, 422)
    except HolderRefused as refused_holder:
        field = refused_holder.fault.value
        where = field if field in ("name", "code", "rank", "ground") else ""
        return await _page(visit, lot, {where: visit.text(HOLDER_FAULTS[refused_holder.fault])}, 422)
    return visit.done(here, visit.text(N_("已标记，等平台确认。")))


async def remove(visit: Visit) -> Response:
    lot, holder = await _own_lot(visit), await _holder(visit)
    here = f"/my/assets/{lot.lot}/priority"
    gone = await PriorityHolders(visit.site.engine).remove(
        holder.id, lot.lot, account_of(visit), now=visit.site.clock()
    )
    if not gone:
        return visit.refused(here, visit.text(N_("已确认的权利人不能删除，请与平台管理员联系。")))
    return visit.done(here, visit.text(N_("已删除。")))


async def waiting(visit: Visit) -> Response:
    """The administrator's page."""
    return page(
        visit,
        "registrations/priority_waiting.html",
        holders=await PriorityHolders(visit.site.engine).waiting(),
    )


async def decide(visit: Visit) -> Response:
    here, holder = "/administration/priority", await _holder(visit)
    confirmed, reason = visit.form.get("answer") == "confirm", visit.form.get("reason", "").strip()
    try:
        done = await PriorityHolders(visit.site.engine).decide(
            holder.id, account_of(visit), confirmed, reason, now=visit.site.clock()
        )
    except HolderRefused as refused:
        return visit.refused(here, visit.text(HOLDER_FAULTS[refused.fault]), 422)
    if not done:
        return visit.refused(here, visit.text(N_("这一位已经处理过了。")))
    return visit.done(here, visit.text(N_("已确认。") if confirmed else N_("已记为没有确认。")))


async def proof(visit: Visit) -> Response:
    """The proof names people: for its transferor, and for officials, whose look is recorded."""
    holder = await _holder(visit)
    async with visit.site.engine.begin() as connection:
        lot = await lot_of(connection, holder.lot)
        if visit.role is Role.TRANSFEROR and (lot is None or lot.transferor_id != account_of(visit)):
            raise HTTPException(404)
        if visit.role is not Role.TRANSFEROR:
            await trail.look(
                connection,
                at=visit.site.clock(),
                actor=trail.account(account_of(visit)),
                role=visit.role or "",
                what="priority_proof",
                subject=holder.lot,
            )
    content = await visit.site.files.read(holder.proof_digest)
    headers = {"Content-Disposition": 'attachment; filename="proof"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/octet-stream", headers=headers)


async def _own_lot(visit: Visit) -> RegisterableLot:
    asked = visit.param("lot")
    if not (0 < len(asked) <= 32 and set(asked) <= LOT_CHARACTERS):
        raise HTTPException(404)
    async with visit.site.engine.connect() as connection:
        lot = await lot_of(connection, asked)
    if lot is None or lot.transferor_id != account_of(visit):
        raise HTTPException(404)
    return lot


async def _holder(visit: Visit) -> Holder:
    number = visit.param("holder")
    known = number.isascii() and number.isdigit() and len(number) <= 9
    holder = await PriorityHolders(visit.site.engine).get(int(number)) if known else None
    if holder is None:
        raise HTTPException(404)
    return holder
