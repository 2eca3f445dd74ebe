"""Sealing the documents of a sale: whose turn it is on which files, and what a seal leads to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from office.ukeys import BoundUKey
from signing.documents import DocumentKind
from trading.sale_states import Overtaken, Party
from trading.sales import SaleDocument, Version, files_to_seal, newest
from web.documents import document_named, party_of
from web.jobs import Purpose
from web.languages import N_
from web.sealing.flow import NOT_YOURS, NotNow, ToSeal, hand_out, judged, may_ask, told, usable_ukey
from web.sealing_words import PAPERS
from web.ukey_proofs import ProofRefused
from web.ukey_proofs import Refusal as ProofRefusal
from web.ukey_sign_in import taken
from web.visits import Visit

log = structlog.get_logger(__name__)

TITLE: Final = N_("%(paper)s %(number)s（%(kind)s 版）：%(title)s")
_TEXTS: Final[Mapping[type[Exception], str]] = {Overtaken: NOT_YOURS}


@dataclass(frozen=True, slots=True)
class _Sitting:
    """Whose turn it is on which file, with which UKey."""

    document: SaleDocument
    party: Party
    base: Version
    ukey: BoundUKey


async def prepare(visit: Visit) -> Response:
    """A job for the assistant: the file with the party's seal in place, at a one-time address."""
    document = await document_named(visit)
    return await told(visit, _prepared(visit, document), _TEXTS)


async def _prepared(visit: Visit, document: SaleDocument) -> Response:
    sitting = await _sitting(visit, document)
    await may_ask(visit)
    content = await visit.site.files.read(sitting.base.digest)
    facts = {
        "document": str(document.id),
        "kind": sitting.base.kind.value,
        "version": str(sitting.base.version),
        "digest": sitting.base.digest,
        "party": sitting.party.value,
    }
    file = ToSeal(_title(visit, sitting), content, sitting.party)
    response = await hand_out(visit, sitting.ukey, [file], facts)
    log.info("handed_out", document=document.id, kind=sitting.base.kind.value, party=sitting.party.value)
    return response


async def _sitting(visit: Visit, document: SaleDocument) -> _Sitting:
    """Raises NotNow, ProofRefused; 403."""
    party = party_of(visit, document)
    if party is None:
        raise HTTPException(403)
    versions = await visit.site.sales.versions(document.id)
    kind = visit.form.get("kind", "")
    if kind not in {one.value for one in files_to_seal(document, versions, party)}:
        raise NotNow(NOT_YOURS)
    return _Sitting(document, party, newest(versions, DocumentKind(kind)), await usable_ukey(visit))


def _title(visit: Visit, sitting: _Sitting) -> str:
    paper = visit.text(PAPERS[sitting.document.paper])
    facts = {"paper": paper, "number": sitting.document.number, "kind": sitting.base.kind.value.upper()}
    return visit.text(TITLE) % {**facts, "title": sitting.document.title}


async def seal(visit: Visit) -> Response:
    """The assistant's sealing: kept as the next version, or why not."""
    document = await document_named(visit)
    return await told(visit, _sealed(visit, document), _TEXTS)


async def _sealed(visit: Visit, document: SaleDocument) -> Response:
    asked = await taken(visit, Purpose.SEAL)
    facts, site = asked.facts, visit.site
    if facts.get("document") != str(document.id):
        raise ProofRefused(ProofRefusal.NOT_ASKED)
    sealed = await judged(visit, asked)
    kept = await site.files.keep(sealed.contents[0])
    party, kind = Party(facts["party"]), DocumentKind(facts["kind"])
    base = Version(kind, int(facts["version"]), facts["digest"], 0, datetime.now(UTC), None)
    state = await site.sales.add(document.id, party, base, (kept.name, kept.size), ukey_id=sealed.ukey.id)
    await sealed.clear_away(site)
    visit.flash("success", visit.text(N_("%(kind)s 版盖章成功，已保存。")) % {"kind": kind.value.upper()})
    log.info("sealed", document=document.id, kind=kind.value, party=party.value, state=state.value)
    return JSONResponse({"ok": True, "to": f"/documents/{document.id}"})
