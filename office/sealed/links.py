"""Who stands behind a pseudonym, in boxes. What the vault does with registrations and partners."""

import secrets
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from office.sealed.boxes import Boxes
from office.sealed.port import NotYours, PartnerAnswer
from office.sealed.tables import SealedPartner, SealedRegistration, partners, registrations


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


class LinkRows:
    """Every method works in its caller's transaction."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes

    async def make(self, connection: AsyncConnection, lot: str, account_id: int) -> str:
        """The pseudonym of the pair, made at the first asking."""
        new = f"R{secrets.token_hex(8)}"
        row = {
            "registration": new,
            "pair_tag": self._pair(lot, account_id),
            "lot_tag": self._boxes.tag("lot of registration", lot),
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

    async def of_account(self, connection: AsyncConnection, account_id: int) -> list[Link]:
        return await self._find(connection, registrations.account_tag == self._account(account_id))

    async def all_of(self, connection: AsyncConnection, lot: str) -> list[Link]:
        here = registrations.lot_tag == self._boxes.tag("lot of registration", lot)
        return await self._find(connection, here)

    async def of_lot(self, connection: AsyncConnection, lot: str) -> list[str]:
        here = registrations.lot_tag == self._boxes.tag("lot of registration", lot)
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
            found.append(Joining(row.registration, facts["account"], facts["share"], answer))
        return sorted(found, key=lambda one: (one.registration, -one.share, one.account_id))

    async def _find(self, connection: AsyncConnection, where: Any) -> list[Link]:
        columns = select(registrations.registration, registrations.box)
        found = []
        for row in await connection.execute(columns.where(where)):
            facts = self._boxes.open_facts(row.box, "registration", row.registration)
            found.append(Link(row.registration, facts["lot"], facts["account"]))
        return found

    def _pair(self, lot: str, account_id: int) -> bytes:
        return self._boxes.tag("pair of registration", lot, str(account_id))

    def _account(self, account_id: int) -> bytes:
        return self._boxes.tag("account of registration", str(account_id))
