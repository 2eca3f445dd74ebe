"""The contract of a sale: drafts of the transferor, what both say about them, and the one that is sealed.

    contracts = Contracts(engine, files, house)
    draft = await contracts.save(lot, typed, by=9, edit=0, now=now)        # a template, filled in
    draft = await contracts.upload(lot, taken, typed, by=9, edit=0, now=now)
    await contracts.show(lot, draft.version, draft.edit, by=9, now=now)     # the other party sees it
    await contracts.send(lot, draft.version, draft.edit, by=9, now=now)     # to be sealed: a sale document

A version that was shown stays as it was; the next save makes another. `edit` is what the form showed, so that
two windows do not overwrite each other.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy import Row, column, insert, select, table, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.files import Files, Kept
from office.messages.telling import ToAccount, tell
from office.money import capital_amount, yuan
from signing.documents import DocumentKind
from trading.awards.awards import number_of
from trading.awards.contract_template import (
    PlanBounds,
    Template,
    contract_template,
    plan_in_words,
    plan_of,
)
from trading.awards.sale import Sale, sale_of
from trading.confirmations import ASSET_CLASSES, House
from trading.documents.formats import in_both_formats
from trading.documents.forms import Contract, PartyDetails, SignaturePage
from trading.documents.rendering import behind, render
from trading.lifecycle.states import LotState
from trading.sale_states import Paper
from trading.sales import NewDocument, make_document

log = structlog.get_logger(__name__)

MOST_VERSIONS: Final = 50
MOST_EDITS: Final = 500
MOST_COMMENTS: Final = 200
LONGEST_COMMENT: Final = 1_000
NO_FILE: Final = ""


class ContractSource(StrEnum):
    TEMPLATE = "template"
    UPLOAD = "upload"


class NotNow(Exception):
    """The lot is not at its contract, or one is being sealed."""


class Overwritten(Exception):
    """Another window has changed the draft since the form was shown."""


class TooMany(Exception):
    """Of versions, edits or comments: a bound was reached."""


@dataclass(frozen=True, slots=True)
class ContractVersion:
    """One version. `digest` names its file: of an upload from the start, of a template when it is shown."""

    lot: str
    version: int
    edit: int
    source: ContractSource
    fields: Mapping[str, str]
    digest: str
    size: int
    shown: bool
    document_id: int | None
    made_at: datetime
    made_by: int


@dataclass(frozen=True, slots=True)
class Comment:
    version: int
    party: str
    body: str
    at: datetime


_TYPES: Final = {"fields": JSONB()}
VERSIONS: Final = table(
    "contract_versions", *(column(name, _TYPES.get(name)) for name in ContractVersion.__dataclass_fields__)
)
COMMENTS: Final = table(
    "contract_comments", *map(column, ("id", "lot", "account_id", *Comment.__dataclass_fields__))
)
_THIS_SALE: Final = text(
    "coalesce((SELECT max(a.decided_at) FROM awards AS a WHERE a.lot = :lot AND a.state = 'awarded'),"
    " '-infinity')"
)
"""Since when it is this sale: after a default, what an earlier winner was shown is not shown to the next."""
_STANDS: Final = text(
    "SELECT id FROM sale_documents WHERE lot = :lot AND paper = 'contract'"
    " AND state NOT IN ('refused', 'void')"
)
_SENT: Final = text("SELECT count(*) FROM sale_documents WHERE lot = :lot AND paper = 'contract'")
_SEALED_CONFIRMATION: Final = text(
    "SELECT number FROM sale_documents WHERE lot = :lot AND paper = 'confirmation' AND state = 'sealed'"
)


def bounds_of(sale: Sale) -> PlanBounds:
    return PlanBounds(sale.rules.payment_within_days, sale.rules.instalments_max)


def credits_deposit(sale: Sale) -> bool:
    """Whether a deposit counts towards the price. After a default the next bidder's has gone back."""
    return sale.listing.deposit > 0 and not sale.after_default


class Contracts:
    """Every act is one transaction that locks the listing's row first."""

    def __init__(self, engine: AsyncEngine, files: Files, house: House) -> None:
        self._engine = engine
        self._files = files
        self._house = house

    # reading

    async def versions(self, lot: str) -> Sequence[ContractVersion]:
        """The newest first."""
        mine = (VERSIONS.c.lot == lot) & (VERSIONS.c.made_at >= _THIS_SALE)
        found = select(VERSIONS).where(mine).order_by(VERSIONS.c.version.desc())
        async with self._engine.connect() as connection:
            return [_version(row) for row in await connection.execute(found, {"lot": lot})]

    async def comments(self, lot: str) -> Sequence[Comment]:
        """The oldest first."""
        wanted = [COMMENTS.c[name] for name in Comment.__dataclass_fields__]
        mine = (COMMENTS.c.lot == lot) & (COMMENTS.c.at >= _THIS_SALE)
        found = select(*wanted).where(mine).order_by(COMMENTS.c.id).limit(MOST_COMMENTS)
        async with self._engine.connect() as connection:
            return [Comment(**row._mapping) for row in await connection.execute(found, {"lot": lot})]

    def template(self, sale: Sale) -> Template:
        return contract_template(sale.listing.asset_class, credits_deposit=credits_deposit(sale))

    async def preview(self, lot: str, typed: Mapping[str, str], *, now: datetime) -> bytes:
        """The template's PDF with these fields, kept nowhere. Raises FieldFaults, NotNow."""
        async with self._engine.connect() as connection:
            sale = await _drafting(connection, lot, lock=False)
            confirmation = await _confirmation(connection, lot)
        values = self.template(sale).checked(typed, bounds_of(sale))
        form = self._form(sale, values, number_of("HT", lot, now), confirmation)
        return await asyncio.to_thread(render, form, as_of=now)

    async def content(self, version: ContractVersion, *, now: datetime) -> bytes:
        """The file of a version; of a template that was not shown yet as it would be."""
        if version.digest != NO_FILE:
            return await self._files.read(version.digest)
        return await self.preview(version.lot, version.fields, now=now)

    # drafting

    async def save(
        self, lot: str, typed: Mapping[str, str], *, by: int, edit: int, now: datetime
    ) -> ContractVersion:
        """The template, filled in. `edit` 0: no unshown version was there. Raises FieldFaults, NotNow,
        Overwritten, TooMany."""
        async with self._engine.begin() as connection:
            sale = await _drafting(connection, lot)
            values = self.template(sale).checked(typed, bounds_of(sale))
            return await _put(connection, lot, ContractSource.TEMPLATE, values, None, by, edit, now)

    async def upload(
        self, lot: str, pdf: bytes, typed: Mapping[str, str], *, by: int, edit: int, pages: int, now: datetime
    ) -> ContractVersion:
        """The transferor's own text, with a signature page behind it. `pdf` was checked (contents.take).

        Raises as `save`; DocumentError when the file can't be used.
        """
        async with self._engine.connect() as connection:
            sale = await _drafting(connection, lot, lock=False)
            had = await _sent(connection, lot)
        values = self.template(sale).only_plan().checked(typed, bounds_of(sale))
        page = SignaturePage(
            number=number_of("HT", lot, now, had + 1),
            lot=lot,
            subject=sale.listing.title,
            transferor=sale.listing.transferor,
            transferee=sale.transferee,
            price=int(sale.awarded.price),
            pages=pages,
            digest=(await self._files.keep(pdf)).name,
            notice=self._house.notice,
        )
        kept = await self._files.keep(await asyncio.to_thread(behind, pdf, page, as_of=now))
        async with self._engine.begin() as connection:
            await _drafting(connection, lot)
            return await _put(connection, lot, ContractSource.UPLOAD, values, kept, by, edit, now)

    async def show(self, lot: str, version: int, edit: int, *, by: int, now: datetime) -> ContractVersion:
        """The other party may read it and say something. Raises NotNow, Overwritten."""
        draft = await self._fixed(lot, version, edit, now)
        async with self._engine.begin() as connection:
            sale = await _drafting(connection, lot)
            await _take(connection, draft, edit)
            facts = {"lot": lot, "title": sale.listing.title}
            await tell(connection, ToAccount(sale.awarded.account_id), "contract.shown", facts, now=now)
        return draft

    async def comment(self, lot: str, version: int, body: str, *, by: int, now: datetime) -> None:
        """What a party says about a version that was shown; the other party is told.

        Raises NotNow, TooMany; ValueError for nothing, or too much.
        """
        if not 0 < len(body) <= LONGEST_COMMENT:
            raise ValueError("a comment says something, in bounds")
        async with self._engine.begin() as connection:
            sale = await _at_contract(connection, lot)
            party, other = _sides(sale, by)
            shown = (VERSIONS.c.lot == lot) & (VERSIONS.c.version == version) & VERSIONS.c.shown
            if (await connection.execute(select(VERSIONS.c.version).where(shown))).first() is None:
                raise NotNow(lot)
            found = select(COMMENTS.c.id).where(COMMENTS.c.lot == lot).limit(MOST_COMMENTS)
            if len((await connection.execute(found)).all()) >= MOST_COMMENTS:
                raise TooMany(lot)
            row = {"lot": lot, "version": version, "account_id": by, "party": party, "body": body, "at": now}
            await connection.execute(insert(COMMENTS).values(row))
            facts = {"lot": lot, "title": sale.listing.title}
            await tell(connection, ToAccount(other), "contract.commented", facts, now=now)

    async def send(self, lot: str, version: int, edit: int, *, by: int, now: datetime) -> int:
        """The newest version is to be sealed: its document. A version is sent once; after a void contract
        the next one follows. Raises NotNow, Overwritten."""
        draft = await self._fixed(lot, version, edit, now)
        if draft.document_id is not None:
            raise NotNow(lot)
        files = await self._in_formats(draft, now)
        async with self._engine.begin() as connection:
            sale = await _drafting(connection, lot)
            await _take(connection, draft, edit)
            had = await _sent(connection, lot)
            new = NewDocument(
                lot=lot,
                number=number_of("HT", lot, now, had + 1),
                transferee_id=sale.awarded.account_id,
                transferee=sale.transferee,
                transferor=sale.listing.transferor,
                title=sale.listing.title,
                price=sale.awarded.price,
                files={kind: (file.name, file.size) for kind, file in files.items()},
                paper=Paper.CONTRACT,
                transferor_id=sale.listing.transferor_id,
            )
            document = await make_document(connection, new, now)
            if document is None:
                raise NotNow(lot)
            mine = (VERSIONS.c.lot == lot) & (VERSIONS.c.version == version)
            await connection.execute(update(VERSIONS).where(mine).values(document_id=document))
            facts = {"lot": lot, "title": sale.listing.title}
            await tell(connection, ToAccount(sale.awarded.account_id), "contract.to_seal", facts, now=now)
        log.info("contract_sent", lot=lot, document=document, version=version)
        return document

    async def _fixed(self, lot: str, version: int, edit: int, now: datetime) -> ContractVersion:
        """The draft with its file, which is kept before the row names it. Raises NotNow, Overwritten."""
        async with self._engine.connect() as connection:
            sale = await _drafting(connection, lot, lock=False)
            draft = await _newest(connection, lot)
            begun = await connection.scalar(select(_THIS_SALE), {"lot": lot})
            had = await _sent(connection, lot)
            confirmation = await _confirmation(connection, lot)
        if draft is None or draft.made_at < begun or (draft.version, draft.edit) != (version, edit):
            raise Overwritten(lot)
        if draft.digest != NO_FILE:
            return draft
        form = self._form(sale, draft.fields, number_of("HT", lot, now, had + 1), confirmation)
        kept = await self._files.keep(await asyncio.to_thread(render, form, as_of=now))
        return replace(draft, digest=kept.name, size=kept.size)

    async def _in_formats(self, draft: ContractVersion, now: datetime) -> Mapping[DocumentKind, Kept]:
        """What is sealed. A stranger's PDF stays as it is: another format might not say the same."""
        files = {DocumentKind.PDF: Kept(draft.digest, draft.size)}
        if draft.source is ContractSource.TEMPLATE:
            pdf = await self._files.read(draft.digest)
            made = await asyncio.to_thread(in_both_formats, pdf, "交易合同", draft.lot, as_of=now)
            if DocumentKind.OFD in made:
                files[DocumentKind.OFD] = await self._files.keep(made[DocumentKind.OFD])
        return files

    def _form(self, sale: Sale, values: Mapping[str, str], number: str, confirmation: str) -> Contract:
        listing, price = sale.listing, int(sale.awarded.price)
        deposit = min(int(listing.deposit), price) if credits_deposit(sale) else 0
        facts = {
            "price": f"¥{yuan(price)}（{capital_amount(price)}）",
            "deposit": f"¥{yuan(deposit)}",
            "plan": plan_in_words(plan_of(values, price), credits_deposit=deposit > 0),
        }
        return Contract(
            number=number,
            lot=listing.lot,
            subject=listing.title,
            description=listing.overview,
            asset_class=ASSET_CLASSES[listing.asset_class],
            confirmation=confirmation,
            transferor=PartyDetails(name=listing.transferor),
            transferee=PartyDetails(name=sale.transferee),
            price=price,
            deposit=deposit,
            clauses=self.template(sale).clauses(values, facts),
            notice=self._house.notice,
        )


async def sealed_plan(connection: AsyncConnection, document_id: int) -> Mapping[str, str]:
    """The fields of the version that was sealed: when the price is paid."""
    found = select(VERSIONS.c.fields).where(VERSIONS.c.document_id == document_id)
    fields = (await connection.execute(found)).scalar_one_or_none()
    return dict(fields or {})


async def sealed_fields(engine: AsyncEngine, lot: str) -> Mapping[str, str]:
    """What was filled in in the contract that stands with all seals; nothing without one."""
    found = text("SELECT id FROM sale_documents WHERE lot = :lot AND paper = 'contract' AND state = 'sealed'")
    async with engine.connect() as connection:
        document = await connection.scalar(found, {"lot": lot})
        return await sealed_plan(connection, document) if document is not None else {}


async def _at_contract(connection: AsyncConnection, lot: str, *, lock: bool = True) -> Sale:
    sale = await sale_of(connection, lot, lock=lock)
    if sale is None or sale.listing.state is not LotState.CONTRACT:
        raise NotNow(lot)
    return sale


async def _drafting(connection: AsyncConnection, lot: str, *, lock: bool = True) -> Sale:
    """The contract is being written, and none waits for seals. Raises NotNow."""
    sale = await _at_contract(connection, lot, lock=lock)
    if (await connection.execute(_STANDS, {"lot": lot})).first() is not None:
        raise NotNow(lot)
    return sale


async def _confirmation(connection: AsyncConnection, lot: str) -> str:
    return str(await connection.scalar(_SEALED_CONFIRMATION, {"lot": lot}) or "")


async def _sent(connection: AsyncConnection, lot: str) -> int:
    """How many contracts were sent to be sealed, void ones too."""
    return int(await connection.scalar(_SENT, {"lot": lot}) or 0)


async def _newest(connection: AsyncConnection, lot: str) -> ContractVersion | None:
    found = select(VERSIONS).where(VERSIONS.c.lot == lot).order_by(VERSIONS.c.version.desc()).limit(1)
    row = (await connection.execute(found)).one_or_none()
    return _version(row) if row else None


async def _put(
    connection: AsyncConnection,
    lot: str,
    source: ContractSource,
    fields: Mapping[str, str],
    kept: Kept | None,
    by: int,
    edit: int,
    now: datetime,
) -> ContractVersion:
    """Over the draft that nobody was shown, or as the next version. Raises Overwritten, TooMany."""
    newest = await _newest(connection, lot)
    begun = await connection.scalar(select(_THIS_SALE), {"lot": lot})
    draft = newest if newest and not newest.shown and newest.made_at >= begun else None
    if (draft.edit if draft else 0) != edit:
        raise Overwritten(lot)
    values: dict[str, Any] = {"source": source.value, "fields": dict(fields), "made_at": now, "made_by": by}
    values |= {"digest": kept.name if kept else NO_FILE, "size": kept.size if kept else 0}
    if draft:
        if edit >= MOST_EDITS:
            raise TooMany(lot)
        mine = (VERSIONS.c.lot == lot) & (VERSIONS.c.version == draft.version)
        await connection.execute(update(VERSIONS).where(mine).values(edit=edit + 1, **values))
    else:
        number = newest.version + 1 if newest else 1
        if number > MOST_VERSIONS:
            raise TooMany(lot)
        row = {"lot": lot, "version": number, "edit": 1, "shown": False, **values}
        await connection.execute(insert(VERSIONS).values(row))
    put = await _newest(connection, lot)
    assert put is not None
    return put


async def _take(connection: AsyncConnection, draft: ContractVersion, edit: int) -> None:
    """Show the version, with its file. Raises Overwritten when it was saved again meanwhile."""
    mine = (VERSIONS.c.lot == draft.lot) & (VERSIONS.c.version == draft.version) & (VERSIONS.c.edit == edit)
    newest = await _newest(connection, draft.lot)
    if newest is None or newest.version != draft.version:
        raise Overwritten(draft.lot)
    file = {"digest": draft.digest, "size": draft.size, "shown": True}
    if (await connection.execute(update(VERSIONS).where(mine).values(file))).rowcount != 1:
        raise Overwritten(draft.lot)


def _sides(sale: Sale, by: int) -> tuple[str, int]:
    """As whom an account speaks, and the account of the other party. Raises NotNow for strangers."""
    if by == sale.listing.transferor_id:
        return "transferor", sale.awarded.account_id
    if by == sale.awarded.account_id:
        return "transferee", sale.listing.transferor_id
    raise NotNow(sale.lot)


def _version(row: Row[Any]) -> ContractVersion:
    values = dict(row._mapping)
    return ContractVersion(**{**values, "source": ContractSource(values["source"])})
