"""The attachments of a registration: checked by content, kept in boxes, given back to whose they are."""

import asyncio
import re
import secrets
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.listings.contents import take
from trading.listings.file_kinds import FileKind, FileRefused
from trading.registrations.application import (
    LARGEST_ATTACHMENT,
    MOST_ATTACHMENTS,
    Attachment,
    AttachmentKind,
    Step,
)
from trading.registrations.mine import attachment_name
from web.languages import N_
from web.listings.faults import refusal
from web.listings.uploads import uploaded_name
from web.registrations.own import address, in_words, own_in_path, registrations_on
from web.visits import Visit

UPLOAD_LIMIT: Final = LARGEST_ATTACHMENT + (64 << 10)
CHECKED_AS: Final = FileKind.PRIORITY_PROOF
"""Papers and pictures that name people; the bounds of size and number are our own."""
_ID: Final = re.compile(r"[0-9a-f]{16}")


@in_words
async def add(visit: Visit) -> Response:
    """One file more."""
    mine = await own_in_path(visit)
    to = address(mine, Step.ATTACHMENTS)
    kind, content = visit.form.get("kind", ""), visit.files.get("file", b"")
    if kind not in {one.value for one in AttachmentKind}:
        return visit.refused(to, visit.text(N_("请选择附件的种类。")), 422)
    if len(content) > LARGEST_ATTACHMENT:
        text = visit.text(N_("文件太大了，最多 %(megabytes)s MB。")) % {"megabytes": LARGEST_ATTACHMENT >> 20}
        return visit.refused(to, text, 422)
    if len(mine.application.attachments) >= MOST_ATTACHMENTS:
        text = visit.text(N_("附件最多 %(most)s 个，请先删除不需要的。")) % {"most": MOST_ATTACHMENTS}
        return visit.refused(to, text, 422)
    try:
        taken = await asyncio.to_thread(take, CHECKED_AS, await uploaded_name(visit), content)
    except FileRefused as refused:
        return visit.refused(to, refusal(visit, refused), 422)
    attachment = Attachment(
        secrets.token_hex(8), AttachmentKind(kind), taken.name, taken.media_type, len(taken.content)
    )
    await registrations_on(visit.site).attach(mine, attachment, taken.content, now=visit.site.clock())
    return visit.done(to, visit.text(N_("附件已上传。")))


@in_words
async def remove(visit: Visit) -> Response:
    mine = await own_in_path(visit)
    await registrations_on(visit.site).detach(mine, _which(visit), now=visit.site.clock())
    return visit.done(address(mine, Step.ATTACHMENTS), visit.text(N_("附件已删除。")))


async def give(visit: Visit) -> Response:
    """The file, to whose it is."""
    mine, which = await own_in_path(visit), _which(visit)
    known = next((one for one in mine.application.attachments if one.id == which), None)
    content = await registrations_on(visit.site).content(mine, attachment_name(which)) if known else None
    if known is None or content is None:
        raise HTTPException(404)
    disposition = f"attachment; filename=\"attachment\"; filename*=UTF-8''{quote(known.name)}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return Response(content, media_type=known.media_type, headers=headers)


def _which(visit: Visit) -> str:
    which = visit.param("attachment")
    if not _ID.fullmatch(which):
        raise HTTPException(404)
    return which
