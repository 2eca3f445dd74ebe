"""The files of listings: public ones for everybody, the others for who may see them."""

from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.files import FileDamaged, FileMissing
from trading.lifecycle.performing import Listing
from trading.listings.file_kinds import FileKind
from trading.listings.files import ListingFile
from web.listings.own import files_of_site, number_in_path, overseen_listing, own_listing, public_listing
from web.visits import Visit

JPEG: Final = "image/jpeg"
PUBLIC_AGE_S: Final = 3600
"""The address names a row, and what a row names never changes."""


async def public_file(visit: Visit) -> Response:
    return await _serve(visit, await public_listing(visit), public=True, thumbnail=False)


async def public_thumbnail(visit: Visit) -> Response:
    return await _serve(visit, await public_listing(visit), public=True, thumbnail=True)


async def own_file(visit: Visit) -> Response:
    return await _serve(visit, await own_listing(visit), public=False, thumbnail=False)


async def own_thumbnail(visit: Visit) -> Response:
    return await _serve(visit, await own_listing(visit), public=False, thumbnail=True)


async def any_file(visit: Visit) -> Response:
    """For administrators and regulators, by the table of routes."""
    return await _serve(visit, await overseen_listing(visit), public=False, thumbnail=False)


async def any_thumbnail(visit: Visit) -> Response:
    return await _serve(visit, await overseen_listing(visit), public=False, thumbnail=True)


async def _serve(visit: Visit, listing: Listing, *, public: bool, thumbnail: bool) -> Response:
    store = files_of_site(visit)
    file = await store.one(listing.lot, number_in_path(visit, "file"))
    if file is None or (public and not file.public) or (thumbnail and not file.thumbnail):
        raise HTTPException(404)
    name = file.thumbnail if thumbnail else file.digest
    headers = {"ETag": f'"{name[:32]}"'}
    headers["Cache-Control"] = f"public, max-age={PUBLIC_AGE_S}" if public else "private, no-store"
    if public and visit.request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    try:
        content = await store.content(name)
    except (FileMissing, FileDamaged) as gone:
        raise HTTPException(404) from gone
    return Response(content, media_type=_media_type(file, thumbnail), headers=headers | _disposition(file))


def _media_type(file: ListingFile, thumbnail: bool) -> str:
    return JPEG if thumbnail else file.media_type


def _disposition(file: ListingFile) -> dict[str, str]:
    """Pictures of ours are shown; everything else is saved, never opened on our address."""
    shown = file.kind is FileKind.PICTURE and file.media_type == JPEG
    how = "inline" if shown else "attachment"
    return {"Content-Disposition": f"{how}; filename*=UTF-8''{quote(file.name, safe='')}"}
