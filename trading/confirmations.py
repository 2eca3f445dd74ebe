"""Sale confirmations (成交确认书) of lots that were put on by hand: one each, from the sealed result.

Lots with a listing get theirs after the award (trading/awards/papers.py).

Killed at any moment, the next round goes on: files are kept first, under what is in them, and the row that
names them comes last. The same lot gives the same bytes.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.lots import AssetClass
from bidding.terms import Fen
from office.accounts import Accounts
from office.files import Files
from office.sealed.port import Sealed, SealedFault
from signing import SigningError
from signing.documents import DocumentKind
from trading.documents.formats import in_both_formats
from trading.documents.forms import SaleConfirmation
from trading.documents.rendering import render
from trading.sales import NewDocument, Sales

log = structlog.get_logger(__name__)

BEIJING: Final = timezone(timedelta(hours=8))
ASSET_CLASSES: Final = {
    AssetClass.PHYSICAL: "实物资产",
    AssetClass.DEBT: "债权",
    AssetClass.EQUITY: "股权",
    AssetClass.CONCESSION: "特许经营权",
    AssetClass.OPERATING_RIGHT: "未来经营权",
}
"""As they stand in documents, which are Chinese whatever the pages speak."""

DEMONSTRATION: Final = "演示环境：数据均为虚构，印章和证书没有法律效力"
_RESULT: Final = text(
    "SELECT lots.title, lots.asset_class, lots.transferor, lots.closed_at, lot_seals.statement"
    " FROM lots JOIN lot_seals ON lot_seals.lot = lots.id WHERE lots.id = :lot AND lots.sold"
)


class NoTransferee(Exception):
    """Nobody held the winning paddle: a person has to look at it."""


@dataclass(frozen=True, slots=True)
class House:
    """Whose platform it is; `notice` stands above every document (a demonstration says so)."""

    name: str
    notice: str = ""


class Confirmations:
    """Makes what is due."""

    def __init__(self, engine: AsyncEngine, files: Files, house: House, sealed: Sealed) -> None:
        self._sealed = sealed
        self._engine = engine
        self._files = files
        self._house = house
        self._sales = Sales(engine)
        self._alarmed: set[str] = set()

    async def make_due(self) -> int:
        """One round. Returns how many were made; what can't be made is told once, and tried again."""
        made = 0
        for lot in await self._sales.sold_without():
            try:
                made += await self.make(lot)
                self._alarmed.discard(lot)
            except (NoTransferee, SealedFault, SigningError, ValueError) as fault:
                if lot not in self._alarmed:
                    log.error("confirmation_not_made", lot=lot, fault=str(fault))
                self._alarmed.add(lot)
        return made

    async def make(self, lot: str) -> bool:
        """The confirmation of one sold lot. False: it was there."""
        form, transferee_id, as_of = await self._form(lot)
        files = await asyncio.to_thread(confirmation_files, form, as_of)
        kept = {kind: await self._files.keep(content) for kind, content in files.items()}
        new = NewDocument(
            lot=lot,
            number=form.number,
            transferee_id=transferee_id,
            transferee=form.transferee,
            transferor=form.transferor,
            title=form.title,
            price=Fen(form.price),
            files={kind: (file.name, file.size) for kind, file in kept.items()},
        )
        made = await self._sales.make(new)
        if made:
            log.info("confirmation_made", lot=lot, number=form.number)
        return made

    async def _form(self, lot: str) -> tuple[SaleConfirmation, int, datetime]:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_RESULT, {"lot": lot})).one()
        statement: dict[str, Any] = json.loads(row.statement)
        account = await self._sealed.account_after_close(lot, statement["winner"])
        person = None if account is None else await Accounts(self._engine).get(account)
        if person is None:
            raise NoTransferee(lot)
        ended_at = datetime.fromtimestamp(row.closed_at / 1000, UTC)
        form = SaleConfirmation(
            number=f"CJ{ended_at.astimezone(BEIJING):%Y}-{lot}",
            lot=lot,
            title=row.title,
            asset_class=ASSET_CLASSES[AssetClass(row.asset_class)],
            transferor=row.transferor or "转让方",
            transferee=person.name,
            paddle=statement["winner"],
            price=statement["price"],
            ended_at=ended_at,
            entries=statement["count"],
            ledger_root=statement["head"],
            platform=self._house.name,
            notice=self._house.notice,
        )
        return form, person.id, datetime.fromtimestamp(statement["at"] / 1000, UTC)


def confirmation_files(form: SaleConfirmation, as_of: datetime) -> dict[DocumentKind, bytes]:
    """In both formats."""
    return in_both_formats(render(form, as_of=as_of), "成交确认书", form.number, as_of=as_of)
