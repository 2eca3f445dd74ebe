"""The rows of registrations: pseudonyms with states, boxes, what happened to them. No lot, no person.

And no moment: all times are kept to the day (office.blurring).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, DateTime, Integer, LargeBinary, Row, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from office.blurring import blurred
from trading.registrations.states import TRANSITIONS, RegistrationAct, RegistrationState, WrongState

_JOINING: Final = 0x4A4F494E
"""The advisory locks of persons; nothing of a lot is in them."""


class RegistrationRow(SQLModel, table=True):
    __tablename__ = "registrations"

    registration: str = Field(primary_key=True)
    state: str
    step: str = ""
    version: int = 1
    deposit_in: bool = False
    agreed_to: int = 0
    """The last correction of the announcement that the registrant has seen and kept to; the papers too."""
    sealed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    reason: str = ""
    made_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    changed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class RegistrationBox(SQLModel, table=True):
    """What the sealed process encrypted for a registration: its application, documents, attachments."""

    __tablename__ = "registration_boxes"

    registration: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    box: bytes = Field(sa_type=LargeBinary)
    made_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class RegistrationEvent(SQLModel, table=True):
    __tablename__ = "registration_events"

    id: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True))
    registration: str
    act: str
    before: str
    after: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    reason: str = ""


rows: Final = SQLModel.metadata.tables["registrations"].c
boxes: Final = SQLModel.metadata.tables["registration_boxes"].c
events: Final = SQLModel.metadata.tables["registration_events"].c


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationFacts:
    """The row of one registration."""

    registration: str
    state: RegistrationState
    step: str
    version: int
    deposit_in: bool
    agreed_to: int
    sealed_at: datetime | None
    reason: str
    made_at: datetime
    changed_at: datetime


class Stale(Exception):
    """Another page has changed it meanwhile."""


async def read(connection: AsyncConnection, registration: str) -> RegistrationFacts | None:
    columns = [rows[name] for name in RegistrationFacts.__dataclass_fields__]
    found = await connection.execute(select(*columns).where(rows.registration == registration))
    row = found.one_or_none()
    return facts_of(row) if row else None


async def lock(connection: AsyncConnection, registration: str) -> RegistrationFacts | None:
    """The row, held until the caller's transaction ends."""
    columns = [rows[name] for name in RegistrationFacts.__dataclass_fields__]
    found = select(*columns).where(rows.registration == registration).with_for_update()
    row = (await connection.execute(found)).one_or_none()
    return facts_of(row) if row else None


async def lock_person(connection: AsyncConnection, account_id: int) -> None:
    """One act at a time of who takes part in a lot alone, or with others; until the transaction ends."""
    held = text("SELECT pg_advisory_xact_lock(CAST(:acts AS integer), CAST(:account AS integer))")
    await connection.execute(held, {"acts": _JOINING, "account": account_id})


async def change(
    connection: AsyncConnection,
    facts: RegistrationFacts,
    act: RegistrationAct,
    after: RegistrationState,
    *,
    now: datetime,
    reason: str = "",
    **changes: Any,
) -> None:
    """What was done to a locked row. Raises WrongState."""
    step = TRANSITIONS[act]
    if facts.state not in step.before:
        raise WrongState(facts.state, act)
    if after not in step.after:
        raise AssertionError(f"{act} does not lead to {after}")
    if "sealed_at" in changes:
        changes["sealed_at"] = blurred(changes["sealed_at"])
    day = blurred(now)
    values = {"state": after.value, "version": facts.version + 1, "changed_at": day, "reason": reason}
    changed = update(RegistrationRow).where(rows.registration == facts.registration)
    await connection.execute(changed.values(values | changes))
    event = {"registration": facts.registration, "act": act.value, "at": day, "reason": reason}
    event |= {"before": facts.state.value, "after": after.value}
    if act is not RegistrationAct.SAVE:
        await connection.execute(insert(RegistrationEvent).values(event))


async def keep_new_box(
    connection: AsyncConnection, registration: str, name: str, box: bytes, *, now: datetime
) -> None:
    """Unless there is one."""
    row = {"registration": registration, "name": name, "box": box, "made_at": blurred(now)}
    put = insert(RegistrationBox).values(row)
    await connection.execute(put.on_conflict_do_nothing(index_elements=[boxes.registration, boxes.name]))


async def note_deposit(connection: AsyncConnection, registration: str, enough: bool) -> None:
    """Where the state does not depend on it now."""
    noted = update(RegistrationRow).where(rows.registration == registration)
    await connection.execute(noted.values(deposit_in=enough))


async def keep_box(
    connection: AsyncConnection, registration: str, name: str, box: bytes, *, now: datetime
) -> None:
    row = {"registration": registration, "name": name, "box": box, "made_at": blurred(now)}
    key, changed = [boxes.registration, boxes.name], {"box": box, "made_at": row["made_at"]}
    put = insert(RegistrationBox).values(row)
    await connection.execute(put.on_conflict_do_update(index_elements=key, set_=changed))


async def drop_boxes(connection: AsyncConnection, registration: str, names: Collection[str]) -> None:
    gone = delete(RegistrationBox).where(boxes.registration == registration, boxes.name.in_(names))
    await connection.execute(gone)


async def rejected_with_deposit(connection: AsyncConnection, most: int = 100) -> list[str]:
    """Whose money has not been told yet that it goes back."""
    found = select(rows.registration).where(
        rows.state == RegistrationState.REJECTED.value, rows.deposit_in.is_(True)
    )
    return list((await connection.execute(found.order_by(rows.registration).limit(most))).scalars())


async def box_names(connection: AsyncConnection, registration: str) -> set[str]:
    found = select(boxes.name).where(boxes.registration == registration)
    return set((await connection.execute(found)).scalars())


async def states(
    connection: AsyncConnection, registrations: Collection[str]
) -> Mapping[str, RegistrationFacts]:
    """The rows of those that have one."""
    columns = [rows[name] for name in RegistrationFacts.__dataclass_fields__]
    found = select(*columns).where(rows.registration.in_(list(registrations)))
    return {row.registration: facts_of(row) for row in await connection.execute(found)}


async def make(connection: AsyncConnection, registration: str, *, now: datetime) -> None:
    """A new row; harmless when it is there."""
    new = {"registration": registration, "state": RegistrationState.FILLING.value}
    put = insert(RegistrationRow).values({**new, "made_at": blurred(now), "changed_at": blurred(now)})
    await connection.execute(put.on_conflict_do_nothing(index_elements=[rows.registration]))


async def history(connection: AsyncConnection, registration: str, most: int = 100) -> list[Row[Any]]:
    found = select(*(events[name] for name in ("act", "before", "after", "at", "reason")))
    found = found.where(events.registration == registration).order_by(events.id.desc()).limit(most)
    return list(await connection.execute(found))


async def box_of(connection: AsyncConnection, registration: str, name: str) -> bytes | None:
    found = select(boxes.box).where(boxes.registration == registration, boxes.name == name)
    box: bytes | None = await connection.scalar(found)
    return box


async def boxes_called(connection: AsyncConnection, registration: str, beginning: str) -> dict[str, bytes]:
    """{name: box} of those whose names begin so."""
    found = select(boxes.name, boxes.box).where(
        boxes.registration == registration, boxes.name.startswith(beginning, autoescape=True)
    )
    return {row.name: row.box for row in await connection.execute(found)}


def facts_of(row: Row[Any]) -> RegistrationFacts:
    fields = dict(row._mapping)
    return RegistrationFacts(**{**fields, "state": RegistrationState(fields["state"])})
