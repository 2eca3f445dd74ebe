"""Who stands behind a pseudonym, in boxes. What the vault does with registrations and partners."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from office.sealed.boxes import Boxes
from office.sealed.port import NotYours, PartnerAnswer
from office.sealed.tables import SealedPartner, SealedRegistration, partners, registrations

_NEWEST: Final = text(
    "SELECT s.registration, s.box, coalesce(r.made_at, 'epoch') AS made_at FROM sealed_registrations s"
    " LEFT JOIN registrations r ON r.registration = s.registration WHERE s.account_tag = :tag"
    " ORDER BY r.made_at DESC NULLS LAST, s.registration OFFSET :skip LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Link:
    registration: str
    lot: str
    account_id: int


@dataclass(frozen=True, slots=True)
class Joining:
    registration: str
    account_id: int
    share: int
    answer: PartnerAnswer
    key: str


class LinkRows:
    """Every method works in its caller's transaction.

    `what` somebody does about a lot: pseudonyms of another kind share no tag, so that nobody can tell from a
    copy that two are the same person's, or of the same lot.
    """

    def __init__(self, boxes: Boxes, what: str = "registration") -> None:
        self._boxes = boxes
        self._what = what

    async def make(self, connection: AsyncConnection, lot: str, account_id: int) -> str:
        """The pseudonym of the pair, made at the first asking."""
        new = f"R{secrets.token_hex(8)}"
        row = {
            "registration": new,
            "pair_tag": self._pair(lot, account_id),
            "lot_tag": self._lot(lot),
            "account_tag": self._account(account_id),
            "box": self._boxes.seal_facts({"lot": lot, "account": account_id}, "registration", new),
        }
        put = insert(SealedRegistration).values(row)
        await connection.execute(put.on_conflict_do_nothing(index_elements=[registrations.pair_tag]))
        found = await self.of_pair(connection, lot, account_id)
        assert found is not None
        return found

    async def retire(self, connection: AsyncConnection, registration: str) -> None:
        off = update(SealedRegistration).where(registrations.registration == registration)
        await connection.execute(off.values(pair_tag=None))

    async def of_pair(self, connection: AsyncConnection, lot: str, account_id: int) -> str | None:
        mine = registrations.pair_tag == self._pair(lot, account_id)
        found: str | None = await connection.scalar(select(registrations.registration).where(mine))
        return found

    async def get(self, connection: AsyncConnection, registration: str) -> Link:
        """Raises NotYours when there is none."""
        found = await self._find(connection, registrations.registration == registration)
        if not found:
            raise NotYours(registration)
        return found[0]

    async def of_account(
        self, connection: AsyncConnection, account_id: int, *, most: int, skip: int = 0
    ) -> list[Link]:
        """The newest first; on the same day by the number of the lot."""
        mine = {"tag": self._account(account_id), "most": most, "skip": skip}
        found = (await connection.execute(_NEWEST, mine)).all()
        made = {row.registration: row.made_at for row in found}
        links = [self._link(row) for row in found]
        return sorted(links, key=lambda link: (made[link.registration], link.lot), reverse=True)

    async def count_of(self, connection: AsyncConnection, account_id: int) -> int:
        mine = registrations.account_tag == self._account(account_id)
        return int(await connection.scalar(select(func.count()).where(mine)) or 0)

    async def several(self, connection: AsyncConnection, names: Sequence[str]) -> dict[str, Link]:
        found = await self._find(connection, registrations.registration.in_(list(names)))
        return {link.registration: link for link in found}

    async def all_of(self, connection: AsyncConnection, lot: str) -> list[Link]:
        here = registrations.lot_tag == self._lot(lot)
        return await self._find(connection, here)

    async def of_lot(self, connection: AsyncConnection, lot: str) -> list[str]:
        here = registrations.lot_tag == self._lot(lot)
        found = select(registrations.registration).where(here).order_by(registrations.registration)
        return list((await connection.execute(found)).scalars())

    async def identify(self, connection: AsyncConnection, link: Link, code: str) -> None:
        tag = self._boxes.tag("identity", link.lot, code)
        known = update(SealedRegistration).where(registrations.registration == link.registration)
        await connection.execute(known.values(identity_tag=tag))

    async def match(self, connection: AsyncConnection, lot: str, code: str) -> list[Link]:
        """Living registrations alone: a retired one is of somebody who has another, or none."""
        here = registrations.identity_tag == self._boxes.tag("identity", lot, code)
        found = await self._find(connection, and_(here, registrations.pair_tag.is_not(None)))
        return sorted(found, key=lambda link: link.registration)

    # partners

    async def partners(self, connection: AsyncConnection, registration: str) -> list[Joining]:
        return await self._joining(connection, partners.registration == registration)

    async def invited(self, connection: AsyncConnection, account_id: int) -> list[Joining]:
        return await self._joining(connection, partners.account_tag == self._account(account_id))

    async def set_partners(
        self, connection: AsyncConnection, registration: str, wanted: list[Joining]
    ) -> None:
        await connection.execute(delete(SealedPartner).where(partners.registration == registration))
        for joining in wanted:
            await self._put(connection, joining)

    async def answer(self, connection: AsyncConnection, joining: Joining, answer: PartnerAnswer) -> None:
        await self._put(connection, replace(joining, answer=answer))

    async def _put(self, connection: AsyncConnection, joining: Joining) -> None:
        facts = {
            "account": joining.account_id,
            "share": joining.share,
            "answer": joining.answer.value.ljust(8),
            "key": joining.key,
        }
        box = self._boxes.seal_facts(facts, "partner", joining.registration)
        put = insert(SealedPartner).values(
            registration=joining.registration, account_tag=self._account(joining.account_id), box=box
        )
        key = [partners.registration, partners.account_tag]
        await connection.execute(put.on_conflict_do_update(index_elements=key, set_={"box": box}))

    async def _joining(self, connection: AsyncConnection, where: ColumnElement[bool]) -> list[Joining]:
        columns = select(partners.registration, partners.box)
        found = []
        for row in await connection.execute(columns.where(where)):
            facts = self._boxes.open_facts(row.box, "partner", row.registration)
            answer = PartnerAnswer(facts["answer"].strip())
            key = facts.get("key") or self._key(row.registration, facts["account"])
            found.append(Joining(row.registration, facts["account"], facts["share"], answer, key))
        return sorted(found, key=lambda one: (one.registration, -one.share, one.account_id))

    async def _find(self, connection: AsyncConnection, where: Any) -> list[Link]:
        columns = select(registrations.registration, registrations.box)
        return [self._link(row) for row in await connection.execute(columns.where(where))]

    def _link(self, row: Any) -> Link:
        facts = self._boxes.open_facts(row.box, "registration", row.registration)
        return Link(row.registration, facts["lot"], facts["account"])

    def _key(self, registration: str, account_id: int) -> str:
        """Of who was asked before partners sealed: they have to seal, too, and for that need one."""
        return self._boxes.tag("key of partner", registration, str(account_id)).hex()[:16]

    def _pair(self, lot: str, account_id: int) -> bytes:
        return self._boxes.tag(f"pair of {self._what}", lot, str(account_id))

    def _account(self, account_id: int) -> bytes:
        return self._boxes.tag(f"account of {self._what}", str(account_id))

    def _lot(self, lot: str) -> bytes:
        return self._boxes.tag(f"lot of {self._what}", lot)
