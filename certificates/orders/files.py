"""The files of an order as applicants change them and the desk reads them; each change is one transaction.

Which files there are says materials.py; what a file may be, uploads.py.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.orders import corrections, materials
from certificates.orders.boxes import OrderBoxes
from certificates.orders.mine import Mine, act_on
from certificates.orders.performing import NotAllowed
from certificates.orders.states import OrderAct, OrderActor, OrderState
from certificates.orders.uploads import Upload


class OrderFiles:
    def __init__(self, engine: AsyncEngine, boxes: OrderBoxes) -> None:
        self._engine = engine
        self._boxes = boxes

    async def of(self, number: str) -> Sequence[materials.MaterialFile]:
        async with self._engine.connect() as connection:
            return await materials.of(connection, number)

    async def upload(self, mine: Mine, kind: str, upload: Upload, *, now: datetime) -> str:
        """One file, checked before (uploads.check). Its kind has to be one that the order asks for.

        Raises materials.NotWanted, materials.TooManyFiles, materials.TooMuch, NotAllowed, Stale.
        """
        self._require_files(mine, kind)
        if mine.order.state is OrderState.RETURNED:
            await self._require_refused(mine, kind)
        async with self._engine.begin() as connection:
            await act_on(connection, mine, OrderAct.SAVE, now)
            return await materials.add(connection, self._boxes, mine.order, kind, upload, now)

    async def remove(self, mine: Mine, file: str, *, now: datetime) -> bool:
        self._require_files(mine, "")
        if mine.order.state is OrderState.RETURNED:
            kinds = {one.id: one.kind for one in await self.of(mine.order.number)}
            await self._require_refused(mine, kinds.get(file, ""))
        async with self._engine.begin() as connection:
            await act_on(connection, mine, OrderAct.SAVE, now)
            return await materials.remove(connection, mine.order.number, file, now)

    async def _require_refused(self, mine: Mine, kind: str) -> None:
        """A returned order's good files stay as they were reviewed; what is missing may be added.

        Raises materials.NotWanted.
        """
        async with self._engine.connect() as connection:
            there = {one.kind for one in await materials.of(connection, mine.order.number)}
            refused = (await corrections.of(connection, mine.order.number)).kinds
        if kind in there and kind not in refused:
            raise materials.NotWanted(kind)

    def _require_files(self, mine: Mine, kind: str) -> None:
        """Which files may be changed now: the material, and while it is paid, the transfer's voucher."""
        state = mine.order.state
        paying_now = state is OrderState.AWAITING_PAYMENT
        if state not in (OrderState.AWAITING_MATERIAL, OrderState.RETURNED) and not paying_now:
            raise NotAllowed(state, OrderAct.SAVE, OrderActor.APPLICANT)
        kinds = {materials.VOUCHER} if paying_now else set(mine.order.materials)
        if kind and kind not in kinds:
            raise materials.NotWanted(kind)

    async def content(self, number: str, file: str, *, preview: bool) -> tuple[bytes, str] | None:
        """A file's bytes and media type; None: there is none of that id."""
        async with self._engine.connect() as connection:
            known = {one.id: one for one in await materials.of(connection, number, replaced=True)}
            if file not in known:
                return None
            name = materials.preview_name(file) if preview else materials.content_name(file)
            content = await self._boxes.read(connection, number, name)
        media_type = "image/jpeg" if preview else known[file].media_type
        return None if content is None else (content, media_type)
