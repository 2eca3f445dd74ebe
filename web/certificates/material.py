"""The files of an order: uploaded one by one, checked by content, kept in boxes, shown to whose they are."""

import asyncio
import re
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.orders import materials
from certificates.orders.states import OrderState
from certificates.orders.uploads import UploadRefused, check
from web.certificates.order_pages import form_links, kind_word, material_row
from web.certificates.order_words import UPLOAD_WRONGS
from web.certificates.own import base, in_words, mine_in_path, orders_on, place_of
from web.certificates.showing import around
from web.languages import N_
from web.pages import page
from web.visits import Visit

UPLOAD_LIMIT: Final = (20 << 20) + (64 << 10)
"""The largest that a channel's data may allow, and the form around it."""
_ID: Final = re.compile(r"[0-9a-f]{16}")


@in_words
async def show(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    if mine.order.state not in (OrderState.AWAITING_MATERIAL, OrderState.RETURNED):
        return visit.redirect(place_of(mine.order))
    there = {one.kind: one for one in await orders_on(visit.site).files.of(mine.order.number)}
    rows = []
    for wanted in materials.wanted(mine.rules, mine.case):
        bounds = materials.bounds(mine.rules, wanted.kind)
        found = there.get(wanted.kind)
        rows.append(
            {
                "kind": wanted.kind,
                "word": kind_word(visit, wanted.kind),
                "note": wanted.material.note,
                "accept": bounds.accept,
                "forms": visit.text(N_("、")).join(
                    one.upper() for one in (*bounds.images, *(("pdf",) if bounds.pdf else ()))
                ),
                "megabytes": f"{bounds.most_bytes / 2**20:g}",
                "most_bytes": bounds.most_bytes,
                "there": material_row(visit, found) if found else None,
            }
        )
    whole = all(row["there"] for row in rows)
    forms = form_links(visit, mine)
    return page(
        visit, "certificates/material.html", **around(visit, mine, None), rows=rows, whole=whole, forms=forms
    )


@in_words
async def upload(visit: Visit) -> Response:
    """One file. The answer is a page, or JSON for the script that shows the progress."""
    mine = await mine_in_path(visit)
    kind, content = visit.form.get("kind", "")[:60], visit.files.get("file", b"")
    paying = mine.order.state is OrderState.AWAITING_PAYMENT
    to = f"{base(mine.order)}/payment" if paying else f"{base(mine.order)}/material#kind-{kind}"
    if kind not in {*mine.order.materials, materials.VOUCHER}:
        raise materials.NotWanted(kind)
    try:
        checked = await asyncio.to_thread(check, content, materials.bounds(mine.rules, kind))
    except UploadRefused as refused:
        text = visit.text(UPLOAD_WRONGS[refused.wrong])
        return visit.refused(to, text % refused.facts if refused.facts else text, 422)
    await orders_on(visit.site).files.upload(mine, kind, checked, now=visit.site.clock())
    return visit.done(to, visit.text(N_("已上传：%(name)s")) % {"name": kind_word(visit, kind)})


@in_words
async def remove(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    await orders_on(visit.site).files.remove(mine, _which(visit), now=visit.site.clock())
    return visit.done(f"{base(mine.order)}/material", visit.text(N_("文件已删除。")))


@in_words
async def give(visit: Visit) -> Response:
    return await _given(visit, preview=False)


@in_words
async def preview(visit: Visit) -> Response:
    return await _given(visit, preview=True)


async def _given(visit: Visit, *, preview: bool) -> Response:
    mine, which = await mine_in_path(visit), _which(visit)
    found = await orders_on(visit.site).files.content(mine.order.number, which, preview=preview)
    if found is None:
        raise HTTPException(404)
    content, media_type = found
    ending = {"image/jpeg": "jpg", "application/pdf": "pdf"}[media_type]
    how = "inline" if media_type == "image/jpeg" else "attachment"
    headers = {"Content-Disposition": f'{how}; filename="{which}.{ending}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


@in_words
async def finish(visit: Visit) -> Response:
    """资料齐了，下一步."""
    mine = await mine_in_path(visit)
    await orders_on(visit.site).finish_material(mine, now=visit.site.clock())
    return visit.redirect(f"{base(mine.order)}/go-on")


def _which(visit: Visit) -> str:
    which = visit.param("file")
    if not _ID.fullmatch(which):
        raise HTTPException(404)
    return which
