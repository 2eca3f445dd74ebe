"""Filling in, page by page, until it is submitted: each step is kept at once."""

from datetime import datetime

from trading.registrations import rows
from trading.registrations.application import Application, Attachment, Step
from trading.registrations.mine import (
    APPLICATION,
    Mine,
    OwnRegistrations,
    attachment_name,
    plain_name,
    sealed_name,
)
from trading.registrations.papers import Paper
from trading.registrations.states import RegistrationAct, RegistrationState

_S = RegistrationState
_A = RegistrationAct


class Filling(OwnRegistrations):
    """The forms of one registration."""

    async def save(self, mine: Mine, application: Application, step: Step, *, now: datetime) -> None:
        """Keep what was filled in. Raises Stale, WrongState, NotOpen."""
        self._require_open(mine, now)
        box = await self._boxed(mine.registration, application)
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.SAVE, _S.FILLING, now=now, step=step.value)
            await rows.keep_box(connection, mine.registration, APPLICATION, box, now=now)

    async def attach(self, mine: Mine, attachment: Attachment, content: bytes, *, now: datetime) -> None:
        """One more attachment. Raises ValueError when there are too many; Stale, WrongState, NotOpen."""
        self._require_open(mine, now)
        name = attachment_name(attachment.id)
        changed = mine.application.with_attachment(attachment)
        kept = await self._sealed.seal(mine.registration, name, content)
        box = await self._boxed(mine.registration, changed)
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.SAVE, _S.FILLING, now=now, step=Step.ATTACHMENTS.value)
            await rows.keep_box(connection, mine.registration, name, kept, now=now)
            await rows.keep_box(connection, mine.registration, APPLICATION, box, now=now)

    async def detach(self, mine: Mine, which: str, *, now: datetime) -> None:
        """Without this attachment. Raises Stale, WrongState, NotOpen."""
        self._require_open(mine, now)
        box = await self._boxed(mine.registration, mine.application.without_attachment(which))
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.SAVE, _S.FILLING, now=now, step=Step.ATTACHMENTS.value)
            await rows.drop_boxes(connection, mine.registration, [attachment_name(which)])
            await rows.keep_box(connection, mine.registration, APPLICATION, box, now=now)

    async def change(self, mine: Mine, *, now: datetime) -> None:
        """Back to the forms; what was sealed is thrown away. Raises Stale, WrongState, NotOpen."""
        self._require_open(mine, now)
        async with self._engine.begin() as connection:
            facts = await self._locked(connection, mine)
            await rows.change(connection, facts, _A.CHANGE, _S.FILLING, now=now)
            gone = [name(paper) for paper in Paper for name in (plain_name, sealed_name)]
            await rows.drop_boxes(connection, mine.registration, gone)
