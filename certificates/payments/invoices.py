"""Electronic invoices of orders."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import ChannelRules
from certificates.orders.order import Order
from office.marks import Marks


async def keep_up(
    connection: AsyncConnection,
    marks: Marks,
    order: Order,
    rules: ChannelRules,
    details: Mapping[str, str],
    now: datetime,
) -> None:
    """Made when it is due by the channel's rule, void when the money goes back."""
