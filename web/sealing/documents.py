"""Sealing the documents of a sale: whose turn it is on which files, and what a seal leads to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from office.ukeys import BoundUKey
from signing.documents import DocumentKind
from trading.sale_states import Overtaken, Party
from trading.sales import Base, SaleDocument, Sealed, Version, files_to_seal, newest
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
    """Whose turn it is on which files, with which UKey."""

    document: SaleDocument
    party: Party
    bases: tuple[Version, ...]
    ukey: BoundUKey

    @property
    def kinds(self) -> str:
        return " ".join(base.kind.value for base in self.bases)


async def prepare(visit: Visit) -> Response:
    """A job for the assistant: the files with the party's seal in place, at one-time addresses."""
    document = await document_named(visit)
    return await told(visit, _prepared(visit, document), _TEXTS)


async def _prepared(visit: Visit, document: SaleDocument) -> Response:
    sitting = await _sitting(visit, document)
    await may_ask(visit)
    files = [
        ToSeal(_title(visit, document, base), await visit.site.files.read(base.digest), sitting.party)
        for base in sitting.bases
    ]
    facts = {
        "document": str(document.id),
        "bases": " ".join(f"{base.kind.value}:{base.version}:{base.digest}" for base in sitting.bases),
        "party": sitting.party.value,
    }
    response = await hand_out(visit, sitting.ukey, files, facts)
    log.info("handed_out", document=document.id, kind=sitting.kinds, party=sitting.party.value)
    return response


async def _sitting(visit: Visit, document: SaleDocument) -> _Sitting:
    """The files that the page names, of those whose turn it is. Raises NotNow, ProofRefused; 403."""
    party = party_of(visit, document)
    if party is None:
        raise HTTPException(403)
    versions = await visit.site.sales.versions(document.id)
    possible = files_to_seal(document, versions, party)
    asked = visit.form.get("kind", "").split(" ")
    kinds = [kind for kind in possible if kind.value in asked]
    if not kinds or len(kinds) != len(asked):
        raise NotNow(NOT_YOURS)
    bases = tuple(newest(versions, kind) for kind in kinds)
    return _Sitting(document, party, bases, await usable_ukey(visit))


def _title(visit: Visit, document: SaleDocument, base: Version) -> str:
    paper = visit.text(PAPERS[document.paper])
    facts = {"paper": paper, "number": document.number, "kind": base.kind.value.upper()}
    return visit.text(TITLE) % {**facts, "title": document.title}


async def seal(visit: Visit) -> Response:
    """The assistant's sealings: kept as the next versions, or why not."""
    document = await document_named(visit)
    return await told(visit, _sealed(visit, document), _TEXTS)


async def _sealed(visit: Visit, document: SaleDocument) -> Response:
    asked = await taken(visit, Purpose.SEAL)
    facts, site = asked.facts, visit.site
    if facts.get("document") != str(document.id):
        raise ProofRefused(ProofRefusal.NOT_ASKED)
    sealed = await judged(visit, asked)
    party, bases = Party(facts["party"]), [_base(text) for text in facts["bases"].split()]
    kept = [await site.files.keep(content) for content in sealed.contents]
    files = [Sealed(base, file.name, file.size) for base, file in zip(bases, kept, strict=True)]
    state = await site.sales.add_all(document.id, party, files, ukey_id=sealed.ukey.id)
    await sealed.clear_away(site)
    kinds = "、".join(base.kind.value.upper() for base in bases)
    visit.flash("success", visit.text(N_("%(kind)s 版盖章成功，已保存。")) % {"kind": kinds})
    log.info("sealed", document=document.id, kind=kinds, party=party.value, state=state.value)
    return JSONResponse({"ok": True, "to": f"/documents/{document.id}"})


def _base(text: str) -> Base:
    kind, version, digest = text.split(":")
    return Base(DocumentKind(kind), int(version), digest)
