"""The files of a draft: one form for each kind, checked by content."""

import asyncio
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.listings.checks import Step
from trading.listings.contents import forms_in_words, take
from trading.listings.file_kinds import BOUNDS, FileKind, FileRefused
from trading.listings.store import NotADraft, UnknownListing
from web.languages import N_
from web.listings.faults import refusal
from web.listings.own import SUBMITTED, account_of, address, files_of_site, number_in_path, own_draft
from web.listings.words import FILE_HINTS, FILE_KINDS
from web.visits import Visit

UPLOADED: Final = (
    FileKind.PICTURE,
    FileKind.ATTACHMENT,
    FileKind.DECISION,
    FileKind.VALUATION,
    FileKind.PRICE_APPROVAL,
)
UPLOAD_LIMIT: Final = max(bounds.largest for bounds in BOUNDS.values()) + (64 << 10)


async def upload(visit: Visit) -> Response:
    """One file, checked by its content, put beside the others."""
    listing = await own_draft(visit)
    kind = kind_in_form(visit)
    to = f"{address(listing.lot, Step.FILES)}#kind-{kind.value}"
    name = await uploaded_name(visit)
    try:
        taken = await asyncio.to_thread(take, kind, name, visit.files.get("file", b""))
        owner = account_of(visit)
        await files_of_site(visit).add(listing.lot, kind, taken, owner_id=owner, now=visit.site.clock())
    except FileRefused as refused:
        return visit.refused(to, refusal(visit, refused), 422)
    except (NotADraft, UnknownListing):
        return visit.refused(f"/my/assets/{listing.lot}", visit.text(SUBMITTED))
    return visit.done(to, visit.text(N_("已上传：%(name)s")) % {"name": taken.name})


async def remove(visit: Visit) -> Response:
    listing = await own_draft(visit)
    file = number_in_path(visit, "file")
    try:
        await files_of_site(visit).remove(
            listing.lot, file, owner_id=account_of(visit), now=visit.site.clock()
        )
    except (NotADraft, UnknownListing):
        return visit.refused(f"/my/assets/{listing.lot}", visit.text(SUBMITTED))
    return visit.done(address(listing.lot, Step.FILES), visit.text(N_("文件已删除。")))


def kind_in_form(visit: Visit) -> FileKind:
    asked = visit.form.get("kind", "")
    if asked not in {kind.value for kind in UPLOADED}:
        raise HTTPException(400, "kind of file")
    return FileKind(asked)


async def uploaded_name(visit: Visit) -> str:
    """What the browser says that the file is called: a stranger's text, which `take` tidies."""
    sent = (await visit.request.form()).get("file")
    return str(getattr(sent, "filename", None) or "")[:300]


def upload_kinds(visit: Visit, files: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind.value,
            "title": visit.text(FILE_KINDS[kind]),
            "hint": visit.text(FILE_HINTS[kind]),
            "forms": forms_in_words(kind),
            "accept": ",".join(f".{form.value}" for form in sorted(BOUNDS[kind].forms)),
            "megabytes": BOUNDS[kind].largest >> 20,
            "most": BOUNDS[kind].most,
            "files": [file for file in files if file.kind is kind],
        }
        for kind in UPLOADED
    ]
