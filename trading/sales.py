"""The documents of a sale in the database: states, and every version of every file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, exists, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import REHEARSAL, Fen
from office.accounts import Role
from signing.documents import DocumentKind
from trading.sale_lists import Which, lacks_ofd_seal_of, whose
from trading.sale_states import (
    ENDED_BY_HAND,
    ORDER,
    TRANSITIONS,
    TURN,
    Overtaken,
    Paper,
    Party,
    SaleState,
    after_sealing,
    first_state,
    has_sealed,
)
from trading.sale_tables import SaleRow, VersionRow
from trading.sale_tables import accounts as _accounts
from trading.sale_tables import documents as _documents
from trading.sale_tables import versions as _versions

LONGEST_REASON: Final = 500
PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class SaleDocument:
    """One paper of a sale. The accounts are who seals; the names are what stands in the document."""

    id: int
    lot: str
    paper: Paper
    number: str
    state: SaleState
    transferee_id: int
    transferor_id: int | None
    transferee: str
    transferor: str
    title: str
    price: Fen
    made_at: datetime
    changed_at: datetime
    reason: str

    def party_of(self, account_id: int) -> Party | None:
        """As whom an account seals here."""
        if account_id == self.transferee_id:
            return Party.TRANSFEREE
        return Party.TRANSFEROR if account_id == self.transferor_id else None

    @property
    def turn(self) -> Party | None:
        """Whose seal is awaited."""
        return TURN.get(self.state)


@dataclass(frozen=True, slots=True)
class Version:
    """One file: `digest` (hex) is its name among the files; `sealed_by` is whose seal it has more."""

    kind: DocumentKind
    version: int
    digest: str
    size: int
    made_at: datetime
    sealed_by: Party | None


@dataclass(frozen=True, slots=True)
class Base:
    """The file that was handed out to be sealed: it has to be the newest of its kind still."""

    kind: DocumentKind
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """`base` with one more seal, kept under `digest` (hex)."""

    base: Base
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What a new document begins with. Where no transferor's account is given, the name finds it."""

    lot: str
    number: str
    transferee_id: int
    transferee: str
    transferor: str
    title: str
    price: Fen
    files: Mapping[DocumentKind, tuple[str, int]]
    """(digest, size) of the unsealed files."""
    paper: Paper = Paper.CONFIRMATION
    transferor_id: int | None = None


_has_ofd: Final = exists().where(
    _versions.document_id == _documents.id, _versions.kind == DocumentKind.OFD.value
)


class Sales:
    """The tables. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def make(self, new: NewDocument) -> bool:
        """Put a document there, once of a kind for a lot among those that stand. False: it was there."""
        async with self._engine.begin() as connection:
            return await make_document(connection, new, datetime.now(UTC)) is not None

    async def sold_without(self, limit: int = 20) -> Sequence[str]:
        """Sold lots with a sealed ledger and no confirmation. Those with a listing wait for their award, and
        nothing comes of a rehearsal."""
        found = text(
            "SELECT id FROM lots WHERE sold AND EXISTS (SELECT FROM lot_seals WHERE lot = lots.id)"
            " AND NOT EXISTS (SELECT FROM sale_documents WHERE lot = lots.id)"
            " AND NOT EXISTS (SELECT FROM listings WHERE lot = lots.id)"
            " AND NOT starts_with(id, :rehearsal) ORDER BY closed_at, id LIMIT :limit"
        ).bindparams(rehearsal=REHEARSAL)
        async with self._engine.connect() as connection:
            return list((await connection.execute(found, {"limit": limit})).scalars())

    async def find_transferors(self) -> int:
        """Give documents whose transferor had no account the account that is there by now."""
        lacking = _documents.transferor_id.is_(None) & _documents.state.in_([state.value for state in TURN])
        found = 0
        async with self._engine.begin() as connection:
            rows = await connection.execute(select(_documents.id, _documents.transferor).where(lacking))
            for row in rows.all():
                account = await _transferor(connection, row.transferor)
                if account is not None:
                    values = update(SaleRow).where(_documents.id == row.id)
                    await connection.execute(values.values(transferor_id=account))
                    found += 1
        return found

    async def get(self, document_id: int) -> SaleDocument | None:
        found = await self._select(_documents.id == document_id)
        return found[0] if found else None

    async def of_lot(self, lot: str, paper: Paper = Paper.CONFIRMATION) -> SaleDocument | None:
        """The newest of this kind: the one that stands, or the last that was ended."""
        found = await self._select(_documents.lot == lot, _documents.paper == paper.value, newest=True)
        return found[0] if found else None

    async def all_of_lot(self, lot: str, limit: int = 50) -> Sequence[SaleDocument]:
        """Every document of a lot, the newest first."""
        return await self._select(_documents.lot == lot, limit=limit, newest=True)

    async def awaiting(self, party: Party, limit: int = 100) -> Sequence[SaleDocument]:
        """Documents whose turn is this party's, the oldest first."""
        states = [state.value for state, turn in TURN.items() if turn is party]
        return await self._select(_documents.state.in_(states), limit=limit)

    async def sealed_since(self, moment: datetime, limit: int = 100) -> Sequence[SaleDocument]:
        """Documents that were sealed by all since then and whose OFD lacks the platform's seal."""
        ofd = _versions.kind == DocumentKind.OFD.value
        done = select(_versions.document_id).where(ofd, _versions.sealed_by == Party.PLATFORM.value)
        lately = _documents.changed_at >= moment
        by_platform = [paper.value for paper, order in ORDER.items() if Party.PLATFORM in order]
        sealed = (_documents.state == SaleState.SEALED.value) & _has_ofd & _documents.paper.in_(by_platform)
        return await self._select(sealed, lately, _documents.id.not_in(done), limit=limit)

    async def versions(self, document_id: int) -> Sequence[Version]:
        """Every file of a document, by kind, the oldest first."""
        columns = [_versions[name] for name in Version.__dataclass_fields__]
        found = select(*columns).where(_versions.document_id == document_id)
        async with self._engine.connect() as connection:
            rows = await connection.execute(found.order_by(_versions.kind, _versions.version))
            return [_version(row) for row in rows]

    async def add(
        self, document_id: int, party: Party, base: Version, file: tuple[str, int], *, ukey_id: int | None
    ) -> SaleState:
        """One file, as `add_all`."""
        sealed = Sealed(Base(base.kind, base.version, base.digest), *file)
        return await self.add_all(document_id, party, [sealed], ukey_id=ukey_id)

    async def add_all(
        self, document_id: int, party: Party, files: Sequence[Sealed], *, ukey_id: int | None
    ) -> SaleState:
        """Files with this party's seal, all of them or none: decide and write in one step. The state then.

        Raises Overtaken when a base is not the newest of its kind, or when it is not this party's turn.
        """
        now = datetime.now(UTC)
        async with self._engine.begin() as connection:
            before, paper = await _locked(connection, document_id)
            state = before
            for file in sorted(files, key=lambda each: each.base.kind is not DocumentKind.PDF):
                state = after_sealing(state, party, file.base.kind, paper)
                await _add(connection, document_id, party, file, ukey_id, now)
            if state is not before:
                changed = update(SaleRow).where(_documents.id == document_id)
                await connection.execute(changed.values(state=state.value, changed_at=now))
        return state

    async def end(self, document_id: int, state: SaleState, reason: str, *, by: int) -> bool:
        """An administrator ends it, with a reason. False: it had ended, or is sealed."""
        if state not in ENDED_BY_HAND or not 0 < len(reason) <= LONGEST_REASON:
            raise ValueError("refused or void, with a reason")
        before = [before.value for before, after in TRANSITIONS.items() if state in after]
        ended = update(SaleRow).where(_documents.id == document_id, _documents.state.in_(before))
        values = {"state": state.value, "reason": reason, "ended_by": by, "changed_at": datetime.now(UTC)}
        async with self._engine.begin() as connection:
            return bool((await connection.execute(ended.values(values))).rowcount)

    async def of_person(
        self, account_id: int | None, which: Which, *, page: int = 1
    ) -> tuple[Sequence[SaleDocument], int]:
        """Documents of an account (None: of everybody), and how many there are."""
        where = whose(account_id, which)
        async with self._engine.connect() as connection:
            counted = select(func.count()).select_from(SaleRow).where(where)
            total = int((await connection.execute(counted)).scalar_one())
        newest = which is not Which.DUE
        return await self._select(where, limit=PAGE, offset=(page - 1) * PAGE, newest=newest), total

    async def lack_ofd_seal_of(self, account_id: int, among: Sequence[SaleDocument]) -> frozenset[int]:
        """Which of these wait for the account's seal on the OFD, after the one on the PDF."""
        asked = _documents.id.in_([each.id for each in among])
        found = select(_documents.id).where(asked, lacks_ofd_seal_of(account_id))
        async with self._engine.connect() as connection:
            return frozenset((await connection.execute(found)).scalars())

    async def _select(
        self, *where: Any, limit: int = 1, offset: int = 0, newest: bool = False
    ) -> Sequence[SaleDocument]:
        columns = [_documents[name] for name in SaleDocument.__dataclass_fields__]
        found = select(*columns).where(*where).limit(limit).offset(offset)
        order = (
            (_documents.made_at.desc(), _documents.id.desc())
            if newest
            else (_documents.changed_at, _documents.id)
        )
        async with self._engine.connect() as connection:
            return [_document(row) for row in await connection.execute(found.order_by(*order))]


def newest(versions: Sequence[Version], kind: DocumentKind) -> Version:
    """The file of this kind as it is now."""
    return max((each for each in versions if each.kind is kind), key=lambda each: each.version)


def sealed_by(versions: Sequence[Version], kind: DocumentKind) -> frozenset[Party]:
    """Whose seals are on the newest file of this kind."""
    return frozenset(each.sealed_by for each in versions if each.kind is kind and each.sealed_by is not None)


def files_to_seal(
    document: SaleDocument, versions: Sequence[Version], party: Party | None
) -> tuple[DocumentKind, ...]:
    """Which files a party can put its seal on now, the PDF first."""
    if party is None or document.state in ENDED_BY_HAND:
        return ()
    turn = document.turn is party
    there = any(each.kind is DocumentKind.OFD for each in versions)
    lacks = there and party not in sealed_by(versions, DocumentKind.OFD)
    kinds = {
        DocumentKind.PDF: turn,
        DocumentKind.OFD: lacks and (turn or has_sealed(document.state, party, document.paper)),
    }
    return tuple(kind for kind, wanted in kinds.items() if wanted)


def ofd_behind(versions: Sequence[Version]) -> tuple[Party, ...]:
    """Whose seals the PDF has and the OFD has not, where there is an OFD."""
    if not any(each.kind is DocumentKind.OFD for each in versions):
        return ()
    lacking = sealed_by(versions, DocumentKind.PDF) - sealed_by(versions, DocumentKind.OFD)
    return tuple(party for party in Party if party in lacking)


async def make_document(connection: AsyncConnection, new: NewDocument, now: datetime) -> int | None:
    """Its number, in the caller's transaction; None when one of its kind stands there already."""
    fields = {name: getattr(new, name) for name in NewDocument.__dataclass_fields__ if name != "files"}
    row = {**fields, "paper": new.paper.value, "state": first_state(new.paper).value}
    row |= {"made_at": now, "changed_at": now}
    if new.transferor_id is None:
        row["transferor_id"] = await _transferor(connection, new.transferor)
    made = pg_insert(SaleRow).values(row).on_conflict_do_nothing()
    number = (await connection.execute(made.returning(_documents.id))).scalar_one_or_none()
    if number is None:
        return None
    for kind, (digest, size) in new.files.items():
        file = {"kind": kind.value, "version": 0, "digest": digest, "size": size, "made_at": now}
        await connection.execute(insert(VersionRow).values(document_id=number, **file))
    return int(number)


async def _transferor(connection: AsyncConnection, name: str) -> int | None:
    """The transferor's account: the only one of this role and name that is not disabled."""
    found = select(_accounts.id).where(
        _accounts.role == Role.TRANSFEROR.value, _accounts.name == name, _accounts.disabled.is_(False)
    )
    ids = list((await connection.execute(found.limit(2))).scalars())
    return ids[0] if len(ids) == 1 else None


async def _locked(connection: AsyncConnection, document_id: int) -> tuple[SaleState, Paper]:
    found = select(_documents.state, _documents.paper).where(_documents.id == document_id).with_for_update()
    row = (await connection.execute(found)).one_or_none()
    if row is None:
        raise Overtaken(document_id)
    return SaleState(row.state), Paper(row.paper)


async def _add(
    connection: AsyncConnection,
    document_id: int,
    party: Party,
    file: Sealed,
    ukey_id: int | None,
    now: datetime,
) -> None:
    """The next version of its kind. Raises Overtaken."""
    base = file.base
    newest = await _newest(connection, document_id, base.kind)
    if newest is None or newest.digest != base.digest or newest.version != base.version:
        raise Overtaken(document_id)
    row = {"kind": base.kind.value, "version": base.version + 1, "made_at": now, "ukey_id": ukey_id}
    row |= {"digest": file.digest, "size": file.size, "sealed_by": party.value}
    await connection.execute(insert(VersionRow).values(document_id=document_id, **row))


async def _newest(connection: AsyncConnection, document_id: int, kind: DocumentKind) -> Version | None:
    columns = [_versions[name] for name in Version.__dataclass_fields__]
    mine = (_versions.document_id == document_id) & (_versions.kind == kind.value)
    found = select(*columns).where(mine).order_by(_versions.version.desc()).limit(1)
    row = (await connection.execute(found)).one_or_none()
    return _version(row) if row else None


def _document(row: Row[Any]) -> SaleDocument:
    values = dict(row._mapping)
    kinds = {"paper": Paper(values["paper"]), "state": SaleState(values["state"])}
    return SaleDocument(**{**values, **kinds, "price": Fen(values["price"])})


def _version(row: Row[Any]) -> Version:
    values = dict(row._mapping)
    party = Party(values["sealed_by"]) if values["sealed_by"] else None
    return Version(**{**values, "kind": DocumentKind(values["kind"]), "sealed_by": party})
