"""Open data: what was announced, as JSON for programs (docs/open-data.md, and the OpenAPI document).

Everybody may read it, from any site; 60 times a minute and address. Answers have an ETag, so that who asks
again for the same gets 304 and nothing else.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import Response

from bidding.lots import AssetClass
from trading.lifecycle.states import AnnouncementKind
from trading.listings import reading
from trading.listings.reading import Unreadable
from trading.listings.releases import MOST, PAGE, NotACursor, Wanted, from_cursor, page_of, release
from web.listings.open_data_document import document
from web.lots import lot_named
from web.pages import page
from web.visits import Visit

AGE_S: Final = 60
DOCUMENT_AGE_S: Final = 3600
LICENCE: Final = "https://creativecommons.org/licenses/by/4.0/"
FILTERS: Final = ("cursor", "limit", "since", "assetClass", "kind")


class BadParameter(Exception):
    """One parameter that can't be read."""

    def __init__(self, name: str, wanted: str) -> None:
        super().__init__(name)
        self.name = name
        self.wanted = wanted


async def about(visit: Visit) -> Response:
    """The page for people."""
    return page(visit, "listings/open_data.html", base=visit.site.settings.public_url, per_minute=60)


async def releases(visit: Visit) -> Response:
    """All announcements, the oldest first, a page at a time."""
    if waiting := await visit.site.reader_limits.waiting_s(visit.address):
        return _too_often(waiting)
    try:
        wanted = read_wanted(visit.request.query_params)
    except BadParameter as bad:
        return _answer({"error": "bad_parameter", "parameter": bad.name, "wanted": bad.wanted}, status=400)
    return await _package(visit, wanted, "/open-data/releases.json")


async def releases_of_lot(visit: Visit) -> Response:
    """All announcements of one lot; 404 for one that was never announced."""
    if waiting := await visit.site.reader_limits.waiting_s(visit.address):
        return _too_often(waiting)
    lot = lot_named(visit)
    return await _package(visit, Wanted(lot=lot, limit=MOST), f"/open-data/lots/{lot}.json", required=True)


async def openapi(visit: Visit) -> Response:
    """The OpenAPI document: the same for everybody, so it is not counted."""
    made = document(visit.site.settings.public_url, visit.site.settings.platform_name)
    return _answer(made, visit=visit, age=DOCUMENT_AGE_S)


async def _package(visit: Visit, wanted: Wanted, path: str, *, required: bool = False) -> Response:
    base = visit.site.settings.public_url.rstrip("/")
    async with visit.site.engine.connect() as connection:
        found = await page_of(connection, wanted, visit.site.clock())
    if required and not found.announcements:
        return _answer({"error": "not_found"}, status=404)
    links: dict[str, Any] = {"self": f"{base}{path}", "cursor": found.cursor}
    if found.more:
        links["next"] = f"{base}{path}?cursor={found.cursor}&limit={wanted.limit}{_filters(wanted)}"
    package = {
        "uri": f"{base}{path}",
        "version": "1.1",
        "publisher": {"name": visit.site.settings.platform_name},
        "license": LICENCE,
        "releases": [release(one, base=base) for one in found.announcements],
        "links": links,
    }
    return _answer(package, visit=visit, age=AGE_S)


def _filters(wanted: Wanted) -> str:
    """The other parameters, for the next page's address; their values are ours or were read."""
    since = f"{wanted.since:%Y-%m-%dT%H:%M:%SZ}" if wanted.since else ""
    given = {"since": since, "assetClass": wanted.asset_class or "", "kind": wanted.kind or ""}
    return "".join(f"&{name}={value}" for name, value in given.items() if value)


def read_wanted(given: Mapping[str, str]) -> Wanted:
    """Raises BadParameter with the first that can't be read; what nobody knows is refused too, for a filter
    with a slip in its name would give everything."""
    for name in given:
        if name not in FILTERS:
            raise BadParameter(name[:40], f"one of {', '.join(FILTERS)}")
    limit = given.get("limit", str(PAGE))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 5 and 1 <= int(limit) <= MOST):
        raise BadParameter("limit", f"1 to {MOST}")
    return Wanted(
        after=_read("cursor", given, from_cursor, 0, "a cursor from an answer"),
        since=_read("since", given, _moment, None, "2026-03-01 or 2026-03-01T08:00:00Z"),
        asset_class=_read("assetClass", given, AssetClass, None, ", ".join(AssetClass)),
        kind=_read("kind", given, AnnouncementKind, None, ", ".join(AnnouncementKind)),
        limit=int(limit),
    )


def _read(
    name: str, given: Mapping[str, str], read: Callable[[str], Any], otherwise: Any, wanted: str
) -> Any:
    if name not in given:
        return otherwise
    try:
        return read(given[name])
    except (ValueError, NotACursor, Unreadable) as wrong:
        raise BadParameter(name, wanted) from wrong


def _moment(text: str) -> Any:
    """A day in Beijing, or a moment with its zone."""
    if len(text) == len("2026-03-01"):
        return reading.moment(f"{reading.day(text)} 00:00")
    moment = datetime.fromisoformat(text[:40])
    if moment.tzinfo is None or not 1900 <= moment.year <= 2200:
        raise ValueError("a moment has a zone")
    return moment.astimezone(UTC)


def _too_often(seconds: int) -> Response:
    response = _answer({"error": "too_often", "retryAfter": seconds}, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _answer(value: Any, *, visit: Visit | None = None, status: int = 200, age: int = 0) -> Response:
    """JSON, or 304 to who has it already. Other sites may read it: it is public."""
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": f"public, max-age={age}" if age else "no-store",
    }
    if visit is not None:
        headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        if headers["ETag"] in visit.request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    return Response(content, status, headers, media_type="application/json")
