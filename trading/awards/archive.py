"""The archive of a sold lot: gathered once, its manifest sealed by the platform, given out as a zip.

Made in the sealer's process, which alone has the platform's UKey. What is kept of it: the manifest, its
sealing, the files that are nowhere else, and where every entry lies. Personal papers stay in their boxes.
The same archive gives the same zip, byte by byte.
"""

import asyncio
import tempfile
import zipfile
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import IO, Any, Final

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.files import FileFault, Files
from office.sealed.port import Sealed
from signing.chain import Trust
from signing.findings import Verdict
from signing.seal_check import check_seal_signature
from signing.seal_signature import assemble, sign_with_seal
from signing.sm3 import growing_sm3, sm3
from trading.awards.archive_contents import Piece, TooMuch, ledger_pages, pieces
from trading.awards.manifest import (
    COVERS,
    MANIFEST,
    MOST_ENTRIES,
    README,
    SEAL,
    Entry,
    For,
    Manifest,
    ManifestFault,
    manifest_of,
)
from trading.awards.sale import Sale, sale_of
from trading.confirmations import House
from trading.lifecycle.performing import By, NotAllowed, perform
from trading.lifecycle.states import Act, LotState
from trading.platform_seal import OwnSeal
from trading.sealing import Stamp
from trading.working_days import day_of

log = structlog.get_logger(__name__)

AT_ONCE: Final = 5
IN_MEMORY: Final = 16 << 20
FIXED_DATE: Final = (1980, 1, 1, 0, 0, 0)
_DUE: Final = text(
    "SELECT lot FROM listings WHERE state = 'completed' AND EXISTS (SELECT FROM sale_documents AS d"
    " WHERE d.lot = listings.lot AND d.paper = 'certificate' AND d.state = 'sealed')"
    " AND NOT EXISTS (SELECT FROM sale_documents AS d WHERE d.lot = listings.lot"
    " AND d.state IN ('awaiting_transferee', 'awaiting_transferor', 'awaiting_platform'))"
    " ORDER BY changed_at, lot LIMIT :limit"
)
_KEY: Final = text("SELECT key_id FROM lot_seals WHERE lot = :lot")
_LEDGER: Final = "ledger:"
_BOX: Final = text("SELECT box FROM registration_boxes WHERE registration = :registration AND name = :name")
_ARCHIVE: Final = text("SELECT * FROM archives WHERE lot = :lot")
_ENTRIES: Final = text("SELECT * FROM archive_entries WHERE lot = :lot ORDER BY path")
_PUT: Final = text(
    "INSERT INTO archives (lot, manifest, seal, entries, size, made_at)"
    " VALUES (:lot, :manifest, :seal, :entries, :size, :now) ON CONFLICT DO NOTHING"
)
_PUT_ENTRY: Final = text(
    "INSERT INTO archive_entries (lot, path, digest, size, audience, box)"
    " VALUES (:lot, :path, :digest, :size, :audience, :box)"
)
HOW: Final = """交易档案 / Archive of a lot

manifest.json 列出每个文件的 SM3 摘要，manifest.seal 是平台 UKey 对 manifest.json 的电子签章（GB/T 38540）。
离线核验： luochui check 本文件.zip
当事人拿到的是其中的一部分；清单是完整的，没有给出的文件会如实说明。

manifest.json lists the SM3 of every file; manifest.seal is the platform's sealing of manifest.json.
Check offline: luochui check THIS.zip
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """An archive that was made: digests of the manifest and its sealing, how much it holds."""

    lot: str
    manifest: str
    seal: str
    entries: int
    size: int
    made_at: datetime


def kept_until(stored: Stored, years: int) -> date:
    """The day until which it is certainly there: nothing deletes it."""
    day_after = day_of(stored.made_at) + timedelta(days=1)
    leap_day = (day_after.month, day_after.day) == (2, 29)
    return day_after.replace(year=day_after.year + years, day=28 if leap_day else day_after.day)


class ArchiveRound:
    """Makes what is due. Raises what the UKey raises, SealedAway, NoStamp."""

    def __init__(
        self, engine: AsyncEngine, sealed: Sealed, files: Files, house: House, stamp: Stamp | None = None
    ) -> None:
        self._engine = engine
        self._sealed = sealed
        self._files = files
        self._house = house
        self._stamp = stamp
        self._alarmed: set[str] = set()

    async def due(self) -> Sequence[str]:
        """Lots that are complete, with a sealed certificate and no paper under way."""
        async with self._engine.connect() as connection:
            found = list((await connection.execute(_DUE, {"limit": AT_ONCE + len(self._alarmed)})).scalars())
        return [lot for lot in found if lot not in self._alarmed][:AT_ONCE]

    async def round(self, own: OwnSeal, trust: Trust, now: datetime) -> int:
        """How many archives were made. What can't be made is told once; a restart tries it again."""
        made = 0
        for lot in await self.due():
            try:
                made += await self.make(lot, own, trust, now)
            except (TooMuch, ManifestFault, FileFault, LookupError) as fault:
                log.error("archive_not_made", lot=lot, fault=repr(fault))
                self._alarmed.add(lot)
        return made

    async def make(self, lot: str, own: OwnSeal, trust: Trust, now: datetime) -> bool:
        """Gather, hash, seal; then the lot is archived. False: it is not due any more."""
        async with self._engine.connect() as connection:
            sale = await sale_of(connection, lot)
            if sale is None or sale.listing.state is not LotState.COMPLETED:
                return False
            winner = sale.awarded.registration
            found = await pieces(connection, lot, await self._sealed.of_lot(lot), winner)
            key = str(await connection.scalar(_KEY, {"lot": lot}) or "")
        if len(found) > MOST_ENTRIES:
            raise TooMuch(f"{lot}: {len(found)} entries")
        entries = [await self._entry(lot, piece) for piece in found]
        manifest = manifest_of(
            lot, sale.listing.title, self._house.name, now, key, [entry for entry, _ in entries]
        )
        seal = await asyncio.to_thread(self._sealing, manifest.text(), own, trust)
        return await self._write(sale, manifest, seal, dict(entries), now)

    async def _entry(self, lot: str, piece: Piece) -> tuple[Entry, str]:
        """The entry, and where it lies: "" among the files, else the ledger or a box."""
        if piece.ledger:
            size, digest = await self._ledger(lot)
            return Entry(piece.path, size, digest.hex(), piece.audience.value), _LEDGER
        if piece.box is not None:
            registration, name = piece.box
            content, where = await self._opened(registration, name), f"{registration}/{name}"
        elif piece.kept:
            content, where = await self._files.read(piece.kept), ""
        else:
            content, where = piece.content, ""
            await self._files.keep(content)
        digest = await asyncio.to_thread(sm3, content)
        return Entry(piece.path, len(content), digest.hex(), piece.audience.value), where

    async def _ledger(self, lot: str) -> tuple[int, bytes]:
        """Its size and digest; it is held by nobody as a whole."""
        size, digest = 0, growing_sm3()
        async with self._engine.connect() as connection:
            async for page in ledger_pages(connection, lot):
                size += len(page)
                await asyncio.to_thread(digest.update, page)
        return size, digest.digest()

    async def _opened(self, registration: str, name: str) -> bytes:
        async with self._engine.connect() as connection:
            box = await connection.scalar(_BOX, {"registration": registration, "name": name})
        if box is None:
            raise LookupError(f"{registration}/{name}")
        return await self._sealed.open(registration, name, bytes(box))

    def _sealing(self, manifest: bytes, own: OwnSeal, trust: Trust) -> bytes:
        """The platform's sealing, judged as anybody would. Raises ValueError when it does not hold."""
        now = datetime.now(UTC)
        digest = sm3(manifest)
        sealing = sign_with_seal(own.seal, digest, own.certificate, own.signer, at=now, covers=COVERS)
        if self._stamp is not None:
            token = self._stamp(sealing.signature)
            sealing = assemble(sealing.signed_part, own.certificate, sealing.signature, time_stamp=token)
        report = check_seal_signature(sealing, digest, trust, now=datetime.now(UTC))
        if report.verdict is not Verdict.VALID:
            raise ManifestFault(f"the platform's seal does not hold: {'; '.join(map(str, report.findings))}")
        return sealing.der

    async def _write(
        self, sale: Sale, manifest: Manifest, seal: bytes, where: dict[Entry, str], now: datetime
    ) -> bool:
        """The files first, then the rows and the act, in one transaction."""
        kept = await self._files.keep(manifest.text())
        sealing = await self._files.keep(seal)
        size = sum(entry.size for entry in manifest.entries)
        row = {"lot": sale.lot, "manifest": kept.name, "seal": sealing.name, "size": size, "now": now}
        async with self._engine.begin() as connection:
            current = await sale_of(connection, sale.lot, lock=True)
            if current is None or current.listing.state is not LotState.COMPLETED:
                return False
            if not (await connection.execute(_PUT, row | {"entries": len(manifest.entries)})).rowcount:
                return False
            await connection.execute(
                _PUT_ENTRY,
                [
                    {
                        "lot": sale.lot,
                        "path": entry.path,
                        "digest": entry.sm3,
                        "size": entry.size,
                        "audience": entry.audience,
                        "box": place,
                    }
                    for entry, place in where.items()
                ],
            )
            facts: dict[str, Any] = {"manifest": kept.name, "winner_account": sale.awarded.account_id}
            try:
                await perform(connection, sale.lot, Act.ARCHIVE, By.clock(), now=now, facts=facts)
            except NotAllowed:
                await connection.rollback()
                return False
        log.info("archived", lot=sale.lot, entries=len(manifest.entries), size=size)
        return True


class Archives:
    """Giving archives out."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed, files: Files) -> None:
        self._engine = engine
        self._sealed = sealed
        self._files = files

    async def of_lot(self, lot: str) -> Stored | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_ARCHIVE, {"lot": lot})).one_or_none()
        return Stored(**row._mapping) if row else None

    @asynccontextmanager
    async def as_zip(self, stored: Stored, audiences: Collection[For]) -> AsyncIterator[IO[bytes]]:
        """The zip of what these may have, to be read; a file on the disk when it is large.

        Raises FileFault, SealedAway, BoxBroken.
        """
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as package:
                for name, digest in ((MANIFEST, stored.manifest), (SEAL, stored.seal)):
                    await asyncio.to_thread(add, package, name, await self._files.read(digest))
                await asyncio.to_thread(add, package, README, HOW.encode())
                for row in await self._entries(stored.lot):
                    if For(row.audience) in audiences:
                        await self._put(package, row)
            out.seek(0)
            yield out

    async def _entries(self, lot: str) -> Sequence[Row[Any]]:
        async with self._engine.connect() as connection:
            return (await connection.execute(_ENTRIES, {"lot": lot})).all()

    async def _put(self, package: zipfile.ZipFile, row: Row[Any]) -> None:
        """One entry. A ledger goes in page by page; everything else is bounded by what is kept as a file."""
        if row.box != _LEDGER:
            await asyncio.to_thread(add, package, row.path, await self._content(row))
            return
        async with self._engine.connect() as connection:
            await add_pages(package, row.path, ledger_pages(connection, row.lot))

    async def _content(self, row: Row[Any]) -> bytes:
        if not row.box:
            return await self._files.read(row.digest)
        registration, _, name = row.box.partition("/")
        async with self._engine.connect() as connection:
            box = await connection.scalar(_BOX, {"registration": registration, "name": name})
        return await self._sealed.open(registration, name, bytes(box))


def add(package: zipfile.ZipFile, path: str, content: bytes) -> None:
    package.writestr(_entry_at(path), content)


async def add_pages(package: zipfile.ZipFile, path: str, pages: AsyncIterator[bytes]) -> None:
    """The same, of what comes piece by piece."""
    with package.open(_entry_at(path), "w") as entry:
        async for page in pages:
            await asyncio.to_thread(entry.write, page)


def _entry_at(path: str) -> zipfile.ZipInfo:
    """With a fixed date and no traces of this machine."""
    info = zipfile.ZipInfo(path, FIXED_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    info.create_system = 3
    return info
