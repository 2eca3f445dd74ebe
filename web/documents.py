"""A document of a sale: who may see it, its pages in the page, its files, and its end by an administrator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

import structlog
from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.accounts import Role
from office.files import FileDamaged, FileMissing
from signing.documents import DocumentKind
from trading.sale_states import ENDED_BY_HAND, ORDER, Party, SaleState
from trading.sales import LONGEST_REASON, SaleDocument, Version, files_to_seal, newest, ofd_behind
from web.languages import N_
from web.page_images import page_image, pages_in
from web.pages import page
from web.sealing_words import PAPERS
from web.visits import Visit

log = structlog.get_logger(__name__)

OVERSEERS: Final = (Role.ADMINISTRATOR, Role.REGULATOR)
TYPES: Final = {DocumentKind.PDF: "application/pdf", DocumentKind.OFD: "application/ofd"}
MOST_PAGES_SHOWN: Final = 20
UNDER_WAY_FOR: Final = timedelta(minutes=10)
"""So long after the last seal a page says that the platform's comes by itself, and looks for it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One seal of the way: done, now, or to come."""

    party: Party
    name: str
    done: Version | None
    now: bool


async def show(visit: Visit) -> Response:
    """What it is, whose turn it is, how to seal it, all its files."""
    document, versions = await _seen(visit)
    party = party_of(visit, document)
    pdf = newest(versions, DocumentKind.PDF)
    to_seal = files_to_seal(document, versions, party)
    ukeys = await visit.site.ukeys.confirmed_of(_account(visit)) if party and to_seal else ()
    may_end = visit.role is Role.ADMINISTRATOR and document.turn is not None
    under_way = _under_way(document, versions)
    return page(
        visit,
        "document.html",
        document=document,
        name=visit.text(PAPERS[document.paper]),
        listed=await _is_listed(visit, document),
        steps=_steps(document, versions),
        party=party,
        to_seal=[kind.value for kind in to_seal],
        ukeys=ukeys,
        pages=range(1, min(await pages_in(await _content(visit, pdf)), MOST_PAGES_SHOWN) + 1),
        pdf=pdf,
        versions=versions,
        newest_of={kind: newest(versions, kind) for kind in {each.kind for each in versions}},
        may_end=may_end,
        ofd_behind=() if document.state in ENDED_BY_HAND else ofd_behind(versions),
        under_way=under_way,
        follows=under_way and not to_seal and not may_end,
        lacks_transferor=document.transferor_id is None and visit.role in OVERSEERS,
        errors={},
    )


async def _is_listed(visit: Visit, document: SaleDocument) -> bool:
    """Whether there is a page of the sale to lead back to."""
    found = text("SELECT EXISTS (SELECT FROM listings WHERE lot = :lot)")
    async with visit.site.engine.connect() as connection:
        return bool(await connection.scalar(found, {"lot": document.lot}))


def _steps(document: SaleDocument, versions: Sequence[Version]) -> list[Step]:
    done = {each.sealed_by: each for each in versions if each.kind is DocumentKind.PDF}
    names = {Party.TRANSFEREE: document.transferee, Party.TRANSFEROR: document.transferor, Party.PLATFORM: ""}
    parties = ORDER[document.paper]
    return [Step(party, names[party], done.get(party), document.turn is party) for party in parties]


def _under_way(document: SaleDocument, versions: Sequence[Version]) -> bool:
    """Whether the platform is about to add its seal."""
    ofd_is_next = document.state is SaleState.SEALED and ofd_behind(versions) == (Party.PLATFORM,)
    lately = datetime.now(UTC) - max(each.made_at for each in versions) < UNDER_WAY_FOR
    return lately and (document.turn is Party.PLATFORM or ofd_is_next)


async def image(visit: Visit) -> Response:
    """One page of the newest PDF, as a picture: every browser shows it, on a telephone too."""
    _, versions = await _seen(visit)
    number = visit.param("page")
    content = await _content(visit, newest(versions, DocumentKind.PDF))
    if not (number.isascii() and number.isdigit() and len(number) <= 3):
        raise HTTPException(404)
    if not 1 <= int(number) <= await pages_in(content):
        raise HTTPException(404)
    return Response(await page_image(content, int(number)), media_type="image/png")


async def file(visit: Visit) -> Response:
    """A file as it is now, or as it was (`version`). `show=1`: in the browser instead of as a download."""
    document, versions = await _seen(visit)
    kind = visit.param("kind")
    mine = [each for each in versions if each.kind == kind]
    asked = visit.query("version", 2)
    if asked:
        mine = [each for each in mine if str(each.version) == asked]
    if not mine:
        raise HTTPException(404)
    version = max(mine, key=lambda each: each.version)
    content = await _content(visit, version)
    log.info("document_given", document=document.id, kind=kind, version=version.version, by=_account(visit))
    name = f"{document.number}{f'-{version.version}' if asked else ''}.{kind}"
    how = "inline" if visit.query("show") and version.kind is DocumentKind.PDF else "attachment"
    disposition = f"{how}; filename=\"document.{kind}\"; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=TYPES[version.kind], headers={"Content-Disposition": disposition})


async def end(visit: Visit) -> Response:
    """An administrator ends it: a party refuses to seal, or it is wrong."""
    document, _ = await _seen(visit)
    here = f"/documents/{document.id}"
    state, reason = visit.form.get("state", ""), " ".join(visit.form.get("reason", "").split())
    if state not in {one.value for one in ENDED_BY_HAND}:
        return visit.refused(here, visit.text(N_("请选择怎样结束。")), 422)
    if not 0 < len(reason) <= LONGEST_REASON:
        return visit.refused(here, visit.text(N_("请填写原因，最多 500 个字。")), 422)
    if not await visit.site.sales.end(document.id, SaleState(state), reason, by=_account(visit)):
        return visit.refused(here, visit.text(N_("这份文件已经办结，不能再结束。")))
    log.info("document_ended", document=document.id, state=state, by=_account(visit))
    return visit.done(here, visit.text(N_("已结束，原因已记录。")))


# ── who may ─────────────────────────────────────────────────────────────────────────────────────────────────


async def document_named(visit: Visit) -> SaleDocument:
    """The document in the address, for those who may see it. 404 for others: none learns which exist."""
    number = visit.param("document")
    known = number.isascii() and number.isdigit() and len(number) <= 9
    document = await visit.site.sales.get(int(number)) if known else None
    if document is None or (party_of(visit, document) is None and visit.role not in OVERSEERS):
        raise HTTPException(404)
    return document


def party_of(visit: Visit, document: SaleDocument) -> Party | None:
    """As whom the visitor seals here."""
    return document.party_of(_account(visit))


async def _seen(visit: Visit) -> tuple[SaleDocument, Sequence[Version]]:
    document = await document_named(visit)
    return document, await visit.site.sales.versions(document.id)


async def _content(visit: Visit, version: Version) -> bytes:
    try:
        return await visit.site.files.read(version.digest)
    except (FileMissing, FileDamaged) as fault:
        log.error("file_lost", fault=type(fault).__name__, digest=version.digest)
        raise HTTPException(500) from fault


def _account(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id
