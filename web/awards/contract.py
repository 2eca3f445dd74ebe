"""The contract of a sale: the transferor writes it, both read and comment, then it is sent to be sealed."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from signing.documents import DocumentError
from trading.awards.contract_template import PLAN, Field, FieldFaults, Kind, Wrong
from trading.awards.contracts import (
    LONGEST_COMMENT,
    Contracts,
    ContractVersion,
    NotNow,
    Overwritten,
    TooMany,
    bounds_of,
)
from trading.awards.sale import NoAward
from trading.lifecycle.states import LotState
from trading.listings.contents import take
from trading.listings.file_kinds import FileKind, FileRefused, FileWrong, Form
from trading.sale_states import ENDED_BY_HAND, Paper
from web.awards.access import Part, Seen, account_of, house, number_in, seen, written
from web.awards.words import CHOICES, FIELDS, HINTS, NOT_NOW, STALE, WRONGS
from web.languages import N_
from web.listings.faults import refusal
from web.listings.uploads import uploaded_name
from web.page_images import pages_in
from web.pages import page
from web.visits import Visit

MOST_SHOWN: Final = 20
REFUSALS: Final = (NotNow, NoAward, Overwritten, TooMany)
TOO_MANY: Final = N_("保存的次数或意见太多了，不能再增加。请与平台联系。")
NOT_USABLE: Final = N_("这份 PDF 不能用作合同。请重新导出为 PDF 再上传。")


async def show(visit: Visit) -> Response:
    """The transferor's form; what both have said; the versions."""
    it = await seen(visit)
    return await _page(visit, it, None, {})


async def _page(
    visit: Visit,
    it: Seen,
    typed: Mapping[str, str] | None,
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    contracts = _contracts(visit)
    everything = await contracts.versions(it.lot)
    writes = it.part is Part.TRANSFEROR
    versions = [one for one in everything if one.shown or writes][:MOST_SHOWN]
    document = await visit.site.sales.of_lot(it.lot, Paper.CONTRACT)
    open_ = it.state is LotState.CONTRACT and (document is None or document.state in ENDED_BY_HAND)
    newest = versions[0] if versions else None
    if it.state is not LotState.CONTRACT and not versions:
        raise HTTPException(404)
    return page(
        visit,
        "awards/contract.html",
        status,
        it=it,
        sale=it.sale,
        listing=it.sale.listing,
        writes=writes and open_,
        may_comment=it.state is LotState.CONTRACT and it.part is not Part.OVERSEER and bool(versions),
        open=open_,
        document=document,
        versions=versions,
        newest=newest,
        edit=newest.edit if newest and not newest.shown else 0,
        fields=_fields(visit, it, newest, typed) if writes else [],
        comments=await contracts.comments(it.lot),
        longest=LONGEST_COMMENT,
        bounds=bounds_of(it.sale),
        errors=errors,
    )


def _fields(
    visit: Visit, it: Seen, newest: ContractVersion | None, typed: Mapping[str, str] | None
) -> list[dict[str, Any]]:
    template = _contracts(visit).template(it.sale)
    bounds = bounds_of(it.sale)
    given = typed if typed is not None else dict(newest.fields) if newest else {}
    values = template.defaults(bounds) | {name: given[name] for name in given}
    return [
        {
            "name": each.name,
            "kind": each.kind.value,
            "label": visit.text(FIELDS[each.name]),
            "hint": visit.text(HINTS[each.name]) if each.name in HINTS else "",
            "value": values.get(each.name, each.default),
            "required": bool(each.default),
            "long": each.longest > 200,
            "longest": each.longest,
            "plan": each.name in PLAN,
            "choices": [(one, visit.text(CHOICES[one])) for one in each.choices],
        }
        for each in template.fields
        if each.name not in PLAN[1:] or bounds.most_instalments > 1
    ]


async def save(visit: Visit) -> Response:
    """Keep the draft, or first show what it would look like (`preview`)."""
    it = await seen(visit, Part.TRANSFEROR)
    contracts, now = _contracts(visit), visit.site.clock()
    typed = _typed(visit, it)
    try:
        if visit.form.get("do") == "preview":
            pdf = await contracts.preview(it.lot, typed, now=now)
            return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": "inline"})
        edit = number_in(visit, "edit")
        await contracts.save(it.lot, typed, by=account_of(visit), edit=edit, now=now)
    except FieldFaults as wrong:
        return await _page(visit, it, typed, _worded(visit, it, wrong.faults), 422)
    except REFUSALS as refused:
        return _refused(visit, it, refused)
    return visit.done(f"/sales/{it.lot}/contract", visit.text(N_("草稿已保存，对方还看不到。")))


async def upload(visit: Visit) -> Response:
    """The transferor's own PDF, checked by content; a page for the seals is put behind it."""
    it = await seen(visit, Part.TRANSFEROR)
    typed = _typed(visit, it)
    try:
        name, content = await uploaded_name(visit), visit.files.get("file", b"")
        taken = await asyncio.to_thread(take, FileKind.DECISION, name, content)
        if taken.form is not Form.PDF:
            raise FileRefused(FileWrong.NOT_THIS_FORM, forms="PDF")
        pages = await pages_in(taken.content)
        await _contracts(visit).upload(
            it.lot,
            taken.content,
            typed,
            by=account_of(visit),
            edit=number_in(visit, "edit"),
            pages=pages,
            now=visit.site.clock(),
        )
    except FileRefused as refused:
        return await _page(visit, it, typed, {"file": refusal(visit, refused)}, 422)
    except DocumentError:
        return await _page(visit, it, typed, {"file": visit.text(NOT_USABLE)}, 422)
    except FieldFaults as wrong:
        return await _page(visit, it, typed, _worded(visit, it, wrong.faults), 422)
    except REFUSALS as refused:
        return _refused(visit, it, refused)
    return visit.done(f"/sales/{it.lot}/contract", visit.text(N_("合同已上传，对方还看不到。请先看一遍。")))


async def show_other(visit: Visit) -> Response:
    """The other party may read the newest version."""
    it = await seen(visit, Part.TRANSFEROR)
    try:
        await _contracts(visit).show(it.lot, *_draft(visit), by=account_of(visit), now=visit.site.clock())
    except REFUSALS as refused:
        return _refused(visit, it, refused)
    return visit.done(f"/sales/{it.lot}/contract", visit.text(N_("已发给受让方查看。")))


async def send(visit: Visit) -> Response:
    """The newest version is to be sealed, by the transferee first."""
    it = await seen(visit, Part.TRANSFEROR)
    contracts, now = _contracts(visit), visit.site.clock()
    try:
        document = await contracts.send(it.lot, *_draft(visit), by=account_of(visit), now=now)
    except REFUSALS as refused:
        return _refused(visit, it, refused)
    return visit.done(f"/documents/{document}", visit.text(N_("合同已定稿，先由受让方盖章，再由您盖章。")))


async def comment(visit: Visit) -> Response:
    it = await seen(visit, Part.TRANSFEROR, Part.TRANSFEREE)
    here = f"/sales/{it.lot}/contract"
    body = written(visit, "body")
    if not 0 < len(body) <= LONGEST_COMMENT:
        said = visit.text(N_("请填写意见，最多 %(longest)s 个字。")) % {"longest": LONGEST_COMMENT}
        return visit.refused(here, said, 422)
    try:
        await _contracts(visit).comment(
            it.lot, number_in(visit, "version"), body, by=account_of(visit), now=visit.site.clock()
        )
    except REFUSALS as refused:
        return _refused(visit, it, refused)
    return visit.done(here, visit.text(N_("意见已提交，对方会收到消息。")))


async def file(visit: Visit) -> Response:
    """One version as PDF, for those who may read it."""
    it = await seen(visit)
    contracts = _contracts(visit)
    number = visit.param("version")
    found = [one for one in await contracts.versions(it.lot) if str(one.version) == number]
    if not found or not (found[0].shown or it.part is Part.TRANSFEROR):
        raise HTTPException(404)
    try:
        content = await contracts.content(found[0], now=visit.site.clock())
    except (NotNow, FieldFaults, NoAward) as none:
        raise HTTPException(404) from none
    return Response(content, media_type="application/pdf", headers={"Content-Disposition": "inline"})


def _draft(visit: Visit) -> tuple[int, int]:
    """Which version the form showed, and which edit of it."""
    return number_in(visit, "version"), number_in(visit, "edit")


def _typed(visit: Visit, it: Seen) -> dict[str, str]:
    """The fields of the template, their lines kept as they were typed."""
    template = _contracts(visit).template(it.sale)
    return {
        each.name: visit.form[each.name].replace("\r\n", "\n")
        for each in template.fields
        if each.name in visit.form
    }


def _worded(visit: Visit, it: Seen, faults: Mapping[str, Wrong]) -> dict[str, str]:
    fields = {each.name: each for each in _contracts(visit).template(it.sale).fields}
    return {name: _fault(visit, it, fields[name], wrong) for name, wrong in faults.items()}


def _fault(visit: Visit, it: Seen, field: Field, wrong: Wrong) -> str:
    bounds = bounds_of(it.sale)
    most = min(field.most, bounds.most_instalments) if field.name == "instalments" else field.most
    facts = {"least": field.least, "most": most, "longest": field.longest, "within": bounds.within_days}
    return visit.text(WRONGS[wrong]) % facts if field.kind is not Kind.CHOICE else visit.text(WRONGS[wrong])


def _refused(visit: Visit, it: Seen, why: Exception) -> Response:
    texts = {Overwritten: STALE, TooMany: TOO_MANY}
    return visit.refused(f"/sales/{it.lot}/contract", visit.text(texts.get(type(why), NOT_NOW)))


def _contracts(visit: Visit) -> Contracts:
    return Contracts(visit.site.engine, visit.site.files, house(visit))
