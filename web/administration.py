"""Administrators put lots on and give them their lists."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bidding.book import Book
from bidding.lots import AssetClass, LotExists
from bidding.messages import AbortRequested, Cause, Phase, parse
from bidding.pipeline import BookUnavailable
from bidding.terms import InquiryMode, PriorityMode
from office.sealed import Imported, ListFault, ListFaults, NotPublished, QualifiedRow
from web import lot_search, offer_form, putting_on, qualified_list, unsent
from web.languages import N_
from web.lot_search import ShownLot, Wanted
from web.lots import known_lot, now_ms
from web.offer_form import FormFaults
from web.pages import page
from web.putting_on import CannotSchedule
from web.visits import Visit
from web.words import ASSET_CLASSES, OBSTACLES

log = structlog.get_logger(__name__)

INQUIRY_MODES = (
    (InquiryMode.PASSIVE, N_("不需要确认"), N_("名单内的竞买人都可以出价。")),
    (InquiryMode.CONFIRM, N_("需要确认"), N_("询问期内没有确认的竞买人不能出价；无人确认就流拍。")),
)
PRIORITY_MODES = (
    (PriorityMode.NONE, N_("没有优先购买权"), ""),
    (PriorityMode.MATCH, N_("竞价中行使"), N_("优先购买权人可按当前价领先。")),
    (PriorityMode.OFFER, N_("收槌后行使"), N_("收槌后按最高报价询问优先购买权人。")),
)
ALREADY_OPEN = N_("标的已经开始或尚未写入竞价系统，名单没有改动。")
TWO_LISTS = N_("您既粘贴了名单，又选了文件，所以没有导入。请只用其中一种：清空粘贴框，或者不选文件。")
NO_TEXT_FILE = N_(
    "这个文件不是 CSV 文件，没有导入。如果是 Excel 表格，请在 Excel 里点“另存为”，选 CSV 格式，再上传。"
)
RESERVE_AGAIN = N_("为保密，您刚才填写的保留价没有保留，请重新填写。")
FAULTS_SHOWN = 50
LOOKED_BACK = 50
"""Entries: a request for the end suspends, so few come after it."""


async def index(visit: Visit) -> Response:
    """All lots, also those that are not in the book yet."""
    group = visit.query("phase") if visit.query("phase") in lot_search.GROUPS else ""
    wanted = Wanted(group, "", visit.query("q", 60).replace("\0", "").strip(), visit.page(), everything=True)
    found = await lot_search.find(visit.site.engine, wanted)
    scheduled = [lot.id for lot in found.lots if lot.phase is Phase.SCHEDULED]
    listed = await asyncio.gather(*(_has_list(visit, lot) for lot in scheduled))
    unlisted = {lot for lot, there in zip(scheduled, listed, strict=True) if not there}
    return page(visit, "administration_lots.html", wanted=wanted, found=found, unlisted=unlisted)


async def _has_list(visit: Visit, lot: str) -> bool:
    """Whether there is a list: all that may be told of an earlier import."""
    return bool(await visit.site.sealed.qualified(lot))


async def new_form(visit: Visit) -> Response:
    """Empty; or as it was when it was sent after the session had ended, but for the reserve."""
    fields, withheld = await unsent.take(visit)
    faults = {"reserve": RESERVE_AGAIN} if "reserve" in withheld else {}
    return _form(visit, offer_form.typed_in(fields), faults)


async def put_on(visit: Visit) -> Response:
    """Keep the lot and tell the book; or show what is wrong, with everything still typed in."""
    assert visit.signed_in is not None
    typed = offer_form.typed_in(visit.form)
    try:
        draft = offer_form.parse(visit.form, now_ms(), visit.signed_in.account_id)
    except FormFaults as wrong:
        return _form(visit, typed, wrong.faults)
    lot = draft.offer.lot
    try:
        await putting_on.put_on(visit.site.engine, visit.site.book, visit.site.sealed, draft)
    except LotExists:
        return _form(visit, typed, {"lot": N_("这个编号已经用过，请换一个。")})
    except (BookUnavailable, CannotSchedule):
        log.warning("lot_kept_but_not_in_the_book", lot=lot)
        visit.flash("warning", visit.text(N_("标的已保存，但还没有写入竞价系统。请点“写入竞价系统”重试。")))
        return visit.redirect(f"/administration/lots/{lot}")
    log.info("lot_put_on", lot=lot, by=visit.signed_in.account_id)
    text = visit.text(N_("标的 %(lot)s 已上架。请接着导入竞买人名单。"))
    return visit.done(f"/administration/lots/{lot}", text % {"lot": lot})


def _form(visit: Visit, typed: dict[str, str], faults: dict[str, str]) -> Response:
    return page(
        visit,
        "administration_new.html",
        422 if faults and visit.form else 200,
        typed=typed,
        errors={name: visit.text(text) for name, text in faults.items()},
        summary=summary(visit, offer_form.LABELS, faults),
        asset_classes=[(str(one), visit.text(ASSET_CLASSES[one])) for one in AssetClass],
        inquiry_modes=[(str(mode), visit.text(text), visit.text(hint)) for mode, text, hint in INQUIRY_MODES],
        priority_modes=[_option(visit, *option) for option in PRIORITY_MODES],
    )


def summary(visit: Visit, labels: Mapping[str, str], faults: Mapping[str, str]) -> dict[str, str]:
    """All faults of a form, each with the name of its field, in the form's order."""
    return {
        name: visit.text(N_("%(field)s：%(fault)s"))
        % {"field": visit.text(label), "fault": visit.text(faults[name])}
        for name, label in labels.items()
        if name in faults
    }


def _option(visit: Visit, mode: PriorityMode, text: str, hint: str) -> tuple[str, ...]:
    return (str(mode), visit.text(text), visit.text(hint)) if hint else (str(mode), visit.text(text))


async def show(visit: Visit) -> Response:
    """One lot: how far it has come, its list, and what can be done with it."""
    return await _shown(visit, await known_lot(visit, everything=True))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a lot stands in the book, which is ahead of the record; without the book, as the record has it.

    `held`: suspended until somebody announces a resumption. `list_open`: the list may still be replaced.
    `requested_by` is the account that asked for the end ("": nobody did).
    """

    phase: Phase
    held: bool = False
    list_open: bool = False
    resumes_at: int = 0
    requested_by: str = ""
    requester: str = ""
    why: str = ""


async def _standing(visit: Visit, lot: ShownLot) -> Standing:
    names = ("phase", "suspended_from", "cause", "resumes_at", "abort_requested_by")
    found = await visit.site.book.fields(lot.id, *names)
    if "phase" not in found:
        return Standing(lot.phase, list_open=lot.phase is Phase.SCHEDULED)
    phase, resumes_at = Phase(found["phase"]), int(found.get("resumes_at") or 0)
    suspended = phase is Phase.SUSPENDED
    opening = found.get("suspended_from") if suspended else phase
    standing = Standing(
        phase,
        held=suspended and not resumes_at and found.get("cause") != Cause.OUTAGE,
        list_open=opening == Phase.SCHEDULED,
        resumes_at=resumes_at if suspended else 0,
        requested_by=found.get("abort_requested_by", "") if suspended else "",
    )
    if not standing.requested_by:
        return standing
    person = await visit.site.accounts.get(int(standing.requested_by))
    why = await _why_abort(visit.site.book, lot.id)
    return replace(standing, requester=person.name if person else "", why=why)


async def _why_abort(book: Book, lot: str) -> str:
    """The public reason of the last request for the end; "" if it is not among the lot's last entries."""
    entries = (parse(line) for line in reversed(await book.recent(lot, LOOKED_BACK)))
    return next((entry.reason for entry in entries if isinstance(entry, AbortRequested)), "")


async def _shown(
    visit: Visit,
    lot: ShownLot,
    *,
    typed_list: str = "",
    faults: tuple[ListFault, ...] = (),
    list_fault: str = "",
    status: int = 200,
) -> Response:
    """The count of an earlier import is not shown: the number of registrants is secret."""
    try:
        state = await putting_on.in_the_book(visit.site.engine, visit.site.book, visit.site.sealed, lot.id)
        standing = await _standing(visit, lot)
    except BookUnavailable:
        state = None
        standing = Standing(lot.phase, list_open=lot.phase is Phase.SCHEDULED)
    return page(
        visit,
        "administration_lot.html",
        status,
        lot=replace(lot, phase=standing.phase),
        state=state,
        standing=standing,
        has_list=await _has_list(visit, lot.id),
        list_fault=visit.text(list_fault) if list_fault else "",
        typed_list=typed_list,
        list_faults=faults[:FAULTS_SHOWN],
        more_faults=max(0, len(faults) - FAULTS_SHOWN),
        resume_after_s=visit.site.settings.resume_after_s,
    )


async def schedule(visit: Visit) -> Response:
    """Tell the book of a lot, once more if need be, and of its list."""
    lot = await known_lot(visit, everything=True)
    here = f"/administration/lots/{lot.id}"
    try:
        await putting_on.schedule(visit.site.engine, visit.site.book, visit.site.sealed, lot.id)
        state = await putting_on.in_the_book(visit.site.engine, visit.site.book, visit.site.sealed, lot.id)
        agreed = state.list_agrees or await putting_on.agree_on_list(
            visit.site.engine, visit.site.book, visit.site.sealed, lot.id
        )
    except CannotSchedule as refused:
        return visit.refused(here, visit.text(OBSTACLES[refused.obstacle]))
    if not agreed:
        return visit.refused(here, visit.text(ALREADY_OPEN))
    return visit.done(here, visit.text(N_("标的和名单已写入竞价系统。")))


async def import_list(visit: Visit) -> Response:
    """Replace the list of the qualified. It goes to the sealed module and can't be read back."""
    lot = await known_lot(visit, everything=True)
    here = f"/administration/lots/{lot.id}"
    uploaded, pasted = visit.files.get("file", b""), visit.form.get("list", "")
    if uploaded and (pasted.strip() or not qualified_list.is_text(uploaded)):
        list_fault = TWO_LISTS if pasted.strip() else NO_TEXT_FILE
        return await _shown(visit, lot, typed_list=pasted, list_fault=list_fault, status=422)
    text = qualified_list.decoded(uploaded) if uploaded else pasted
    try:
        imported = await _import(visit, lot, text)
    except ListFaults as wrong:
        return await _shown(visit, lot, typed_list=pasted, faults=wrong.faults, status=422)
    except NotPublished:
        return visit.refused(here, visit.text(ALREADY_OPEN))
    log.info("list_imported", lot=lot.id)
    said = N_("已导入 %(count)s 名竞买人，其中 %(with_priority)s 名有优先购买权。名单已封存，不能再查看。")
    counts = {"count": imported.count, "with_priority": imported.with_priority}
    return visit.done(here, visit.text(said) % counts)


async def _import(visit: Visit, lot: ShownLot, text: str) -> Imported:
    """Raises ListFaults with all that is wrong, in the order of the lines."""
    typed = qualified_list.parse(text, lot.terms.priority_mode)
    faults = list(typed.faults)
    try:
        if not faults:
            return await _imported(visit, lot, typed.rows)
        await visit.site.sealed.check(typed.rows)
    except ListFaults as wrong:
        faults += typed.by_line(wrong.faults)
    raise ListFaults(sorted(faults, key=lambda fault: fault.line))


async def _imported(visit: Visit, lot: ShownLot, rows: Sequence[QualifiedRow]) -> Imported:
    try:
        return await putting_on.import_list(
            visit.site.engine, visit.site.book, visit.site.sealed, lot.id, rows
        )
    except putting_on.UnknownLot as unknown:
        raise HTTPException(404) from unknown
