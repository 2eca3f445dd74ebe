"""The platform's own seal, the last on a document: put on by a process with a UKey of its own.

What it makes goes through the same judgement as what comes from a bidder's browser.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from office.files import Files
from signing.chain import Trust
from signing.documents import DocumentKind, hole
from signing.seal import Seal
from signing.seal_signature import sign_with_seal
from signing.signer import Signer
from signing.sm3 import sm3
from signing.x509 import Certificate
from trading.sale_states import ORDER, Overtaken, Party
from trading.sales import SaleDocument, Sales, Version, files_to_seal, newest, sealed_by
from trading.sealing import HandedOut, Stamp, accept, prepare_for

log = structlog.get_logger(__name__)

OFD_WITHIN: Final = timedelta(days=30)
"""So long after the PDF was sealed the platform still adds its seal to the OFD, once both parties have."""
AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class OwnSeal:
    """What the platform seals with."""

    certificate: Certificate
    seal: Seal
    signer: Signer


class PlatformSealer:
    """Seals what is due. Raises what the UKey raises (TokenError), SealingRefused, NoStamp."""

    def __init__(self, sales: Sales, files: Files, stamp: Stamp | None = None) -> None:
        self._sales = sales
        self._files = files
        self._stamp = stamp

    async def due(self) -> list[tuple[SaleDocument, Version]]:
        """Which files lack nothing but the platform's seal, the oldest first."""
        waiting = list(await self._sales.awaiting(Party.PLATFORM, AT_ONCE))
        waiting += await self._sales.sealed_since(datetime.now(UTC) - OFD_WITHIN, AT_ONCE)
        found = []
        for document in waiting:
            versions = await self._sales.versions(document.id)
            for kind in files_to_seal(document, versions, Party.PLATFORM):
                if _is_last(document, versions, kind):
                    found.append((document, newest(versions, kind)))
        return found

    async def seal(self, document: SaleDocument, base: Version, own: OwnSeal, trust: Trust) -> None:
        """Put the seal on one file. An overtaken one is left alone."""
        content = await self._files.read(base.digest)
        sealed = await asyncio.to_thread(self._sealed, content, own, trust)
        kept = await self._files.keep(sealed)
        try:
            file = (kept.name, kept.size)
            state = await self._sales.add(document.id, Party.PLATFORM, base, file, ukey_id=None)
        except Overtaken:
            return
        log.info("platform_sealed", document=document.id, kind=base.kind.value, state=state.value)

    def _sealed(self, content: bytes, own: OwnSeal, trust: Trust) -> bytes:
        now = datetime.now(UTC)
        prepared = prepare_for(content, Party.PLATFORM, own.seal, at=now)
        found = hole(prepared)
        sealing = sign_with_seal(
            own.seal, found.digest, own.certificate, own.signer, at=now, covers=found.covers
        )
        handed_out = HandedOut(sm3(prepared), own.certificate.der, own.seal.der, now)
        return accept(prepared, sealing.der, handed_out, trust, now=datetime.now(UTC), stamp=self._stamp)


def _is_last(document: SaleDocument, versions: Sequence[Version], kind: DocumentKind) -> bool:
    """The PDF's turn is told by the state; the OFD waits for all who seal before."""
    if kind is DocumentKind.PDF:
        return True
    return sealed_by(versions, kind) == set(ORDER[document.paper]) - {Party.PLATFORM}
