"""The link between a person and a lot: who registered, who holds which paddle; for who has the key.

Everything else knows paddles and pseudonyms. Nothing here writes a login, an account or a name to a log; what
comes out before the close is a person's own, or facts without persons. Source: spec "Who sees what".
"""

import secrets
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.banking.payers import same_payer
from office.sealed import lists
from office.sealed.boxes import Boxes
from office.sealed.closing import closed_among, require_closed, require_ended
from office.sealed.key import SealedKey
from office.sealed.links import Joining, Link, LinkRows
from office.sealed.lists import accounts
from office.sealed.paddles import Held, PaddleRows
from office.sealed.port import (
    LARGEST_SECRET,
    MOST_LOTS,
    MOST_PARTNERS,
    MOST_QUALIFIED,
    MOST_REGISTRATIONS,
    WHOLE_SHARE,
    Affairs,
    Imported,
    Invitation,
    ListFault,
    ListFaults,
    NotPublished,
    NotYours,
    OwnRegistration,
    Partner,
    PartnerAnswer,
    Publish,
    QualifiedRow,
    WantedPartner,
    Wrong,
)
from office.sealed.tables import SealedSubAccount, sub_accounts


class Vault:
    """The Protocol `Sealed` in the process that has the key. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine, key: SealedKey) -> None:
        self._engine = engine
        self._boxes = Boxes(key)
        self._paddles = PaddleRows(self._boxes)
        self._links = LinkRows(self._boxes)
        self._objectors = LinkRows(self._boxes, what="objection")

    # paddles

    async def paddle_of(self, lot: str, account_id: int) -> tuple[str, int] | None:
        async with self._engine.connect() as connection:
            held = await self._paddles.one(connection, lot, account_id)
        return (held.paddle, held.rank) if held and held.listed else None

    async def lots_of(self, account_id: int) -> dict[str, tuple[str, int]]:
        async with self._engine.connect() as connection:
            return _latest(await self._paddles.listed_of(connection, account_id))

    async def qualified(self, lot: str) -> dict[str, int]:
        async with self._engine.connect() as connection:
            found = await self._paddles.of_lot(connection, lot)
        return {held.paddle: held.rank for held in sorted(found, key=lambda held: held.paddle) if held.listed}

    async def check(self, rows: Sequence[QualifiedRow]) -> None:
        async with self._engine.connect() as connection:
            await lists.account_ranks(connection, rows)

    async def import_qualified(
        self, lot: str, rows: Sequence[QualifiedRow], publish: Publish | None = None
    ) -> Imported:
        """Replace the list of those who may bid on a lot.

        Who was ever on the list keeps the paddle; the others get random ones that nobody had. `publish` is
        called before the change becomes final, so that a book which has opened the lot meanwhile keeps its
        list, and this one stays too.
        Raises ListFaults, NotPublished, or what `publish` raises; nothing is changed then.
        """
        async with self._engine.begin() as connection:
            await self._paddles.lock(connection, lot)
            wanted = await lists.account_ranks(connection, rows)
            given = await self._paddles.replace(connection, lot, wanted)
            ranks = {given[account]: rank for account, rank in wanted.items()}
            if publish is not None and not await publish(ranks):
                raise NotPublished(lot)
        return Imported(len(ranks), sum(rank > 0 for rank in ranks.values()))

    async def names_after_close(self, lot: str, paddles: Sequence[str] | None = None) -> dict[str, str]:
        async with self._engine.connect() as connection:
            await require_closed(connection, lot)
            found = [held for held in await self._paddles.of_lot(connection, lot) if held.listed]
            if paddles is not None:
                found = [held for held in found if held.paddle in paddles]
            named = await _names(connection, [held.account_id for held in found])
        return {held.paddle: named[held.account_id][1] for held in found if held.account_id in named}

    async def account_after_close(self, lot: str, paddle: str) -> int | None:
        async with self._engine.connect() as connection:
            await require_closed(connection, lot)
            held = await self._paddles.by_paddle(connection, lot, paddle)
        return held.account_id if held else None

    # registrations

    async def register(self, account_id: int, lot: str) -> str:
        async with self._engine.begin() as connection:
            return await self._links.make(connection, lot, account_id)

    async def retire(self, registration: str) -> None:
        async with self._engine.begin() as connection:
            await self._links.retire(connection, registration)

    async def registration_of(self, account_id: int, lot: str) -> str | None:
        async with self._engine.connect() as connection:
            return await self._links.of_pair(connection, lot, account_id)

    async def registrations_of(self, account_id: int) -> list[OwnRegistration]:
        async with self._engine.connect() as connection:
            found = await self._links.of_account(connection, account_id, most=MOST_REGISTRATIONS)
        return [OwnRegistration(link.registration, link.lot) for link in found]

    async def affairs_of(self, account_id: int, skip: int = 0) -> Affairs:
        async with self._engine.connect() as connection:
            links = await self._links.of_account(
                connection, account_id, skip=max(0, skip), most=MOST_REGISTRATIONS
            )
            return Affairs(
                registrations=[OwnRegistration(link.registration, link.lot) for link in links],
                total=await self._links.count_of(connection, account_id),
                sub_accounts=await self._sub_accounts_of(connection, [link.registration for link in links]),
                paddles=_latest(await self._paddles.listed_of(connection, account_id)),
                invitations=await self._invited(connection, account_id),
            )

    async def of_lot(self, lot: str) -> list[str]:
        async with self._engine.connect() as connection:
            return await self._links.of_lot(connection, lot)

    async def owner_of(self, registration: str, account_id: int) -> bool:
        async with self._engine.connect() as connection:
            try:
                return (await self._links.get(connection, registration)).account_id == account_id
            except NotYours:
                return False

    async def lot_of(self, registration: str, account_id: int) -> str:
        async with self._engine.connect() as connection:
            return (await self._reachable(connection, registration, account_id)).lot

    async def lot_for_steward(self, registration: str) -> str:
        async with self._engine.connect() as connection:
            return (await self._links.get(connection, registration)).lot

    async def account_for_delivery(self, registration: str) -> int:
        async with self._engine.connect() as connection:
            return (await self._links.get(connection, registration)).account_id

    async def account_of_registration_after_close(self, registration: str) -> int:
        async with self._engine.connect() as connection:
            link = await self._links.get(connection, registration)
            await require_closed(connection, link.lot)
        return link.account_id

    async def closed_among(self, registrations: Sequence[str]) -> list[str]:
        async with self._engine.connect() as connection:
            links = await self._links.several(connection, registrations[:MOST_REGISTRATIONS])
            closed = await closed_among(connection, {link.lot for link in links.values()})
        return sorted(name for name, link in links.items() if link.lot in closed)

    async def identify(self, registration: str, account_id: int, code: str) -> None:
        async with self._engine.begin() as connection:
            link = await self._own(connection, registration, account_id)
            await self._links.identify(connection, link, code)

    async def match(self, lot: str, holders: Mapping[str, str], among: Sequence[str]) -> dict[str, list[str]]:
        asked, found = set(among), {}
        async with self._engine.connect() as connection:
            for code, name in list(holders.items())[:MOST_QUALIFIED]:
                links = [
                    link
                    for link in await self._links.match(connection, lot, code)
                    if link.registration in asked
                ]
                named = await _names(connection, [link.account_id for link in links])
                found[code] = [
                    link.registration
                    for link in links
                    if link.account_id in named and same_payer(named[link.account_id][1], name)
                ]
        return {code: registrations for code, registrations in found.items() if registrations}

    # who objects

    async def objector_of(self, account_id: int, lot: str) -> str:
        async with self._engine.begin() as connection:
            return await self._objectors.make(connection, lot, account_id)

    async def objections_of(self, account_id: int) -> list[OwnRegistration]:
        async with self._engine.connect() as connection:
            found = await self._objectors.of_account(connection, account_id, most=MOST_REGISTRATIONS)
        return [OwnRegistration(link.registration, link.lot) for link in found]

    async def objector_after_end(self, pseudonym: str) -> int:
        async with self._engine.connect() as connection:
            link = await self._objectors.get(connection, pseudonym)
            await require_ended(connection, link.lot)
        return link.account_id

    # what a registration holds

    async def seal(self, registration: str, name: str, data: bytes) -> bytes:
        if len(data) > LARGEST_SECRET:
            raise ValueError(f"{len(data)} bytes; at most {LARGEST_SECRET} are sealed")
        return self._boxes.seal(data, "of registration", registration, name)

    async def open(self, registration: str, name: str, box: bytes, *, account_id: int | None = None) -> bytes:
        async with self._engine.connect() as connection:
            if account_id is None:
                await require_closed(connection, (await self._links.get(connection, registration)).lot)
            else:
                await self._reachable(connection, registration, account_id)
        return self._boxes.open(box, "of registration", registration, name)

    # who joins

    async def set_partners(
        self, registration: str, account_id: int, wanted: Sequence[WantedPartner]
    ) -> list[Partner]:
        async with self._engine.begin() as connection:
            link = await self._own(connection, registration, account_id)
            before = {one.account_id: one for one in await self._links.partners(connection, registration)}
            found = await lists.known(connection, [one.login for one in wanted])
            joining = []
            for account, share in _checked(link, wanted, found).items():
                earlier = before.get(account)
                same = earlier is not None and earlier.share == share
                answer = earlier.answer if same and earlier else PartnerAnswer.ASKED
                key = earlier.key if same and earlier and earlier.key else secrets.token_hex(8)
                joining.append(Joining(registration, account, share, answer, key))
            await self._links.set_partners(connection, registration, joining)
            return await self._told(connection, joining)

    async def partners(self, registration: str, account_id: int | None = None) -> list[Partner]:
        async with self._engine.connect() as connection:
            if account_id is None:
                await require_closed(connection, (await self._links.get(connection, registration)).lot)
            else:
                await self._reachable(connection, registration, account_id)
            joining = await self._links.partners(connection, registration)
            return await self._told(connection, joining, account_id)

    async def invitations(self, account_id: int) -> list[Invitation]:
        async with self._engine.connect() as connection:
            return await self._invited(connection, account_id)

    async def _invited(self, connection: AsyncConnection, account_id: int) -> list[Invitation]:
        found = (await self._links.invited(connection, account_id))[:MOST_LOTS]
        if not found:
            return []
        links = await self._links.several(connection, [one.registration for one in found])
        named = await _names(connection, [link.account_id for link in links.values()])
        return [
            Invitation(one.registration, link.lot, named[link.account_id][1], one.share, one.answer)
            for one in found
            for link in (links[one.registration],)
        ]

    async def answer(self, registration: str, account_id: int, accepted: bool) -> bool:
        async with self._engine.begin() as connection:
            asked = await self._links.partners(connection, registration)
            mine = next((one for one in asked if one.account_id == account_id), None)
            if mine is None:
                raise NotYours(registration)
            answer = PartnerAnswer.ACCEPTED if accepted else PartnerAnswer.DECLINED
            await self._links.answer(connection, mine, answer)
        return await self.all_accepted(registration)

    async def all_accepted(self, registration: str) -> bool:
        async with self._engine.connect() as connection:
            asked = await self._links.partners(connection, registration)
        return all(one.answer is PartnerAnswer.ACCEPTED for one in asked)

    # who bids

    async def qualify(self, lot: str, ranks: dict[str, int]) -> dict[str, int]:
        async with self._engine.begin() as connection:
            await self._paddles.lock(connection, lot)
            links = [link for link in await self._links.all_of(connection, lot) if link.registration in ranks]
            wanted = {link.account_id: ranks[link.registration] for link in links}
            given = await self._paddles.replace(connection, lot, wanted)
        return {
            given[account]: rank for account, rank in sorted(wanted.items(), key=lambda one: given[one[0]])
        }

    async def give_paddle(self, registration: str, rank: int = 0) -> str:
        async with self._engine.begin() as connection:
            link = await self._links.get(connection, registration)
            await self._paddles.lock(connection, link.lot)
            return await self._paddles.add(connection, link.lot, link.account_id, rank)

    async def take_paddle(self, registration: str) -> None:
        async with self._engine.begin() as connection:
            link = await self._links.get(connection, registration)
            await self._paddles.lock(connection, link.lot)
            await self._paddles.unlist(connection, link.lot, link.account_id)

    async def forget_paddles(self, lot: str) -> None:
        async with self._engine.begin() as connection:
            await self._paddles.lock(connection, lot)
            await self._paddles.forget(connection, lot)

    async def winner(self, lot: str, paddle: str) -> int | None:
        return await self.account_after_close(lot, paddle)

    async def registration_by_paddle(self, lot: str, paddle: str) -> str | None:
        async with self._engine.connect() as connection:
            await require_closed(connection, lot)
            held = await self._paddles.by_paddle(connection, lot, paddle)
            return await self._links.of_pair(connection, lot, held.account_id) if held else None

    async def paddle_by_registration(self, registration: str) -> str | None:
        async with self._engine.connect() as connection:
            link = await self._links.get(connection, registration)
            held = await self._paddles.one(connection, link.lot, link.account_id)
        return held.paddle if held else None

    # money

    async def bind_sub_account(self, sub_account: str, registration: str) -> None:
        tag = self._boxes.tag("sub-account", sub_account)
        row = {
            "sub_account_tag": tag,
            "registration_tag": self._boxes.tag("sub-account of", registration),
            "box": self._boxes.seal_facts(
                {"registration": registration, "sub_account": sub_account}, "sub-account"
            ),
        }
        async with self._engine.begin() as connection:
            await self._links.get(connection, registration)
            await connection.execute(insert(SealedSubAccount).values(row).on_conflict_do_nothing())
        if await self.registration_of_sub_account(sub_account) != registration:
            raise ValueError("the sub-account or the registration is bound already")

    async def registration_of_sub_account(self, sub_account: str) -> str | None:
        found = await self._bound(self._boxes.tag("sub-account", sub_account), by_account=True)
        return found["registration"] if found else None

    async def sub_account_of(self, registration: str) -> str | None:
        found = await self._bound(self._boxes.tag("sub-account of", registration), by_account=False)
        return found["sub_account"] if found else None

    async def _sub_accounts_of(
        self, connection: AsyncConnection, registrations: Sequence[str]
    ) -> dict[str, str]:
        if not registrations:
            return {}
        tags = [self._boxes.tag("sub-account of", registration) for registration in registrations]
        found = await connection.execute(
            select(sub_accounts.box).where(sub_accounts.registration_tag.in_(tags))
        )
        bound = [self._boxes.open_facts(box, "sub-account") for box in found.scalars()]
        return {facts["registration"]: facts["sub_account"] for facts in bound}

    async def _bound(self, tag: bytes, *, by_account: bool) -> dict[str, str] | None:
        where = (sub_accounts.sub_account_tag if by_account else sub_accounts.registration_tag) == tag
        async with self._engine.connect() as connection:
            box = await connection.scalar(select(sub_accounts.box).where(where))
        return self._boxes.open_facts(box, "sub-account") if box else None

    # who may

    async def _own(self, connection: AsyncConnection, registration: str, account_id: int) -> Link:
        link = await self._links.get(connection, registration)
        if link.account_id != account_id:
            raise NotYours(registration)
        return link

    async def _reachable(self, connection: AsyncConnection, registration: str, account_id: int) -> Link:
        """For the registrant and the partners."""
        link = await self._links.get(connection, registration)
        if link.account_id != account_id:
            asked = await self._links.partners(connection, registration)
            if all(one.account_id != account_id for one in asked):
                raise NotYours(registration)
        return link

    async def _told(
        self, connection: AsyncConnection, joining: Sequence[Joining], asker: int | None = None
    ) -> list[Partner]:
        named = await _names(connection, [one.account_id for one in joining])
        return [
            Partner(*named[one.account_id], one.share, one.answer, one.key, one.account_id == asker)
            for one in joining
        ]


def _latest(found: Sequence[Held]) -> dict[str, tuple[str, int]]:
    """The latest of one person's lots."""
    latest = sorted(found, key=lambda held: held.lot, reverse=True)[:MOST_LOTS]
    return {held.lot: (held.paddle, held.rank) for held in latest}


async def _names(connection: AsyncConnection, ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """{account: (login, name)}."""
    wanted = select(accounts.id, accounts.login, accounts.name).where(accounts.id.in_(set(ids)))
    return {row.id: (row.login, row.name) for row in await connection.execute(wanted)}


def _checked(link: Link, wanted: Sequence[WantedPartner], found: dict[str, lists.Known]) -> dict[int, int]:
    """{account: share}; raises ListFaults with everything that is wrong."""
    if len(wanted) > MOST_PARTNERS:
        raise ListFaults([ListFault(0, Wrong.TOO_MANY)])
    faults: list[ListFault] = []
    shares: dict[int, int] = {}
    for line, one in enumerate(wanted, start=1):
        account = found.get(one.login)
        wrong = lists.who_cannot(account, {link.account_id, *shares})
        if wrong is None and not 0 < one.share < WHOLE_SHARE:
            wrong = Wrong.RANK
        if wrong is not None:
            faults.append(ListFault(line, wrong, one.login))
        elif account is not None:
            shares[account.id] = one.share
    if faults or sum(shares.values()) >= WHOLE_SHARE:
        raise ListFaults(faults or [ListFault(0, Wrong.RANK)])
    return shares
