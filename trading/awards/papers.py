"""The papers that the platform makes of a sale with a listing: award, confirmation, certificate.

Killed at any moment, the next round goes on: files are kept first, under what is in them, and the row that
names them comes last; the same sale gives the same bytes. What was ended by hand is made again when an
administrator asks for it (`make_again`).
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.files import Files
from signing import SigningError
from signing.documents import DocumentKind
from trading.awards.awards import number_of
from trading.awards.records import Award, Source
from trading.awards.sale import NoAward, Sale, sale_of
from trading.confirmations import ASSET_CLASSES, House
from trading.documents.formats import in_both_formats
from trading.documents.forms import (
    NEGOTIATED_CLAUSES,
    AwardStatement,
    Certificate,
    SaleConfirmation,
)
from trading.documents.rendering import render
from trading.lifecycle.states import Act, LotState
from trading.sale_states import Paper
from trading.sales import NewDocument, make_document

log = structlog.get_logger(__name__)

AT_ONCE: Final = 20
WHY: Final[Mapping[Source, str]] = {
    Source.AUCTION: "竞价结束时的最高报价人，资格审查通过。",
    Source.NEXT_BIDDER: "此前的竞得人未通过审查或者违约，本人同意按本人最高报价受让，资格审查通过。",
    Source.PRIORITY: "优先购买权人在规定期限内接受最终价格，资格审查通过。",
    Source.NEGOTIATION: "公告期满只有一名竞买人报名，转让方按会议决定确定成交价。",
}
METHODS: Final[Mapping[Source, str]] = {
    Source.AUCTION: "网络竞价",
    Source.NEXT_BIDDER: "网络竞价",
    Source.PRIORITY: "网络竞价（优先购买权人受让）",
    Source.NEGOTIATION: "协议转让",
}
_LACKING: Final = text(
    "SELECT lot FROM listings WHERE state = ANY(:states) AND NOT EXISTS (SELECT FROM sale_documents AS d"
    " WHERE d.lot = listings.lot AND d.paper = :paper"
    " AND NOT (d.state IN ('refused', 'void') AND d.remake)"
    ") ORDER BY changed_at, lot LIMIT :limit"
)
_MADE: Final = text("SELECT count(*) FROM sale_documents WHERE lot = :lot AND paper = :paper")
_MADE_OF_AWARD: Final = text(
    "SELECT count(*) FROM sale_documents WHERE lot = :lot AND paper = 'award'"
    " AND (number = :number OR starts_with(number, :number || '-'))"
)
_MOMENT: Final = text(
    "SELECT at FROM listing_events WHERE lot = :lot AND act = :act ORDER BY id DESC LIMIT 1"
)
_NUMBERS: Final = text("SELECT paper, number FROM sale_documents WHERE lot = :lot AND state = 'sealed'")
_REMAKE: Final = text(
    "UPDATE sale_documents SET remake = true WHERE lot = :lot AND paper = :paper"
    " AND state IN ('refused', 'void') AND NOT remake"
)
_CLOSED: Final = text("SELECT closed_at FROM lots WHERE id = :lot")
_AFTER_AWARD: Final = ("confirmation", "contract", "payment", "publication", "completed")
_WHEN: Final[Mapping[Paper, tuple[str, ...]]] = {
    Paper.AWARD: _AFTER_AWARD,
    Paper.CONFIRMATION: (LotState.CONFIRMATION.value,),
    Paper.CERTIFICATE: (LotState.COMPLETED.value,),
}
"""In which states of a listing a paper has to be there."""

Form = AwardStatement | SaleConfirmation | Certificate
_NAMES: Final[Mapping[type[Form], str]] = {
    AwardStatement: "竞得人确定书",
    SaleConfirmation: "成交确认书",
    Certificate: "交易凭证",
}


class Papers:
    """Makes what is due, in the sealer's process."""

    def __init__(self, engine: AsyncEngine, files: Files, house: House) -> None:
        self._engine = engine
        self._files = files
        self._house = house
        self._alarmed: set[tuple[str, Paper]] = set()

    async def make_due(self, now: datetime) -> int:
        """One round. Returns how many were made; what can't be made is told once, and tried again."""
        made = 0
        for paper, states in _WHEN.items():
            for lot in await self._lacking(paper, states):
                try:
                    made += await self.make(lot, paper, now)
                    self._alarmed.discard((lot, paper))
                except (NoAward, SigningError, ValueError) as fault:
                    if (lot, paper) not in self._alarmed:
                        log.error("paper_not_made", lot=lot, paper=paper.value, fault=str(fault))
                    self._alarmed.add((lot, paper))
        return made

    async def make(self, lot: str, paper: Paper, now: datetime) -> bool:
        """One paper of a lot. False: it is there, or not due any more."""
        async with self._engine.connect() as connection:
            sale = await sale_of(connection, lot)
            if sale is None or sale.listing.state.value not in _WHEN[paper]:
                return False
            again = await _times_made(connection, sale, paper) + 1
            form, as_of = await self._form(connection, sale, paper, again)
        files = await asyncio.to_thread(_files, form, as_of)
        kept = {kind: await self._files.keep(content) for kind, content in files.items()}
        new = NewDocument(
            lot=lot,
            number=form.number,
            transferee_id=sale.awarded.account_id,
            transferee=sale.transferee,
            transferor=sale.listing.transferor,
            title=sale.listing.title,
            price=sale.awarded.price,
            files={kind: (file.name, file.size) for kind, file in kept.items()},
            paper=paper,
            transferor_id=sale.listing.transferor_id,
        )
        async with self._engine.begin() as connection:
            current = await sale_of(connection, lot, lock=True)
            if current is None or current.listing.state.value not in _WHEN[paper]:
                return False
            made = await make_document(connection, new, now) is not None
        if made:
            log.info("paper_made", lot=lot, paper=paper.value, number=form.number)
        return made

    async def _lacking(self, paper: Paper, states: tuple[str, ...]) -> list[str]:
        given = {"paper": paper.value, "states": list(states), "limit": AT_ONCE}
        async with self._engine.connect() as connection:
            return list((await connection.execute(_LACKING, given)).scalars())

    async def _form(
        self, connection: AsyncConnection, sale: Sale, paper: Paper, again: int
    ) -> tuple[Form, datetime]:
        """What stands in the paper, and the day that it gives for its making."""
        decided_at = sale.awarded.decided_at
        assert decided_at is not None
        match paper:
            case Paper.AWARD:
                return self._award(sale, again, decided_at), decided_at
            case Paper.CONFIRMATION:
                return await self._confirmation(connection, sale, again), decided_at
            case Paper.CERTIFICATE:
                return await self._certificate(connection, sale, again)
            case Paper.CONTRACT:
                raise AssertionError("the transferor makes the contract")

    def _award(self, sale: Sale, again: int, decided_at: datetime) -> AwardStatement:
        award = sale.awarded
        return AwardStatement(
            **self._common(sale, f"{award.number}-{again}" if again > 1 else str(award.number)),
            paddle=award.paddle,
            price=int(award.price),
            why=WHY[award.source],
            decided_at=decided_at,
            entries=award.ledger_count,
            ledger_root=award.ledger_head,
        )

    async def _confirmation(self, connection: AsyncConnection, sale: Sale, again: int) -> SaleConfirmation:
        award = sale.awarded
        ended_at = await _ended_at(connection, award)
        return SaleConfirmation(
            **self._common(sale, number_of("CJ", sale.lot, ended_at, again)),
            sale_method=METHODS[award.source],
            paddle=award.paddle,
            price=int(award.price),
            ended_at=ended_at,
            entries=award.ledger_count,
            ledger_root=award.ledger_head,
            award=award.number or "",
            clauses=NEGOTIATED_CLAUSES if award.source is Source.NEGOTIATION else (),
        )

    async def _certificate(
        self, connection: AsyncConnection, sale: Sale, again: int
    ) -> tuple[Certificate, datetime]:
        rows = await connection.execute(_NUMBERS, {"lot": sale.lot})
        numbers = {row.paper: row.number for row in rows}
        paid = await connection.scalar(_MOMENT, {"lot": sale.lot, "act": Act.PAID.value})
        over = await connection.scalar(_MOMENT, {"lot": sale.lot, "act": Act.END_PUBLICATION.value})
        if paid is None or over is None:
            raise ValueError(f"{sale.lot}: the history does not say when it was paid and published")
        award = sale.awarded
        form = Certificate(
            **self._common(sale, number_of("PZ", sale.lot, paid, again)),
            sale_method=METHODS[award.source],
            price=int(award.price),
            confirmation=numbers.get(Paper.CONFIRMATION.value, ""),
            contract=numbers.get(Paper.CONTRACT.value, ""),
            sold_at=await _ended_at(connection, award),
            paid_at=paid,
            announced_at=paid,
        )
        return form, over

    def _common(self, sale: Sale, number: str) -> dict[str, str]:
        return {
            "number": number,
            "lot": sale.lot,
            "title": sale.listing.title,
            "asset_class": ASSET_CLASSES[sale.listing.asset_class],
            "transferor": sale.listing.transferor,
            "transferee": sale.transferee,
            "platform": self._house.name,
            "notice": self._house.notice,
        }


async def _times_made(connection: AsyncConnection, sale: Sale, paper: Paper) -> int:
    """How many of its kind there were; of awards, which have numbers of their own, for this one."""
    if paper is Paper.AWARD:
        given = {"lot": sale.lot, "number": sale.awarded.number}
        return int(await connection.scalar(_MADE_OF_AWARD, given) or 0)
    return int(await connection.scalar(_MADE, {"lot": sale.lot, "paper": paper.value}) or 0)


async def make_again(connection: AsyncConnection, lot: str, paper: Paper) -> bool:
    """An administrator asks for a paper that was ended by hand. False: there is none to make again."""
    return bool((await connection.execute(_REMAKE, {"lot": lot, "paper": paper.value})).rowcount)


async def _ended_at(connection: AsyncConnection, award: Award) -> datetime:
    """When the auction closed, or the price was agreed."""
    closed_at = await connection.scalar(_CLOSED, {"lot": award.lot})
    return datetime.fromtimestamp(closed_at / 1000, UTC) if closed_at else award.opened_at


def _files(form: Form, as_of: datetime) -> dict[DocumentKind, bytes]:
    """In both formats."""
    return in_both_formats(render(form, as_of=as_of), _NAMES[type(form)], form.number, as_of=as_of)
