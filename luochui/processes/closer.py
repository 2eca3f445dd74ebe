"""The closer's process: bidding.closing on this installation's book."""

import asyncio

from bidding.closing import Closer
from luochui import logs
from luochui.processes.wiring import cancel_on, open_book, run_until_stopped
from luochui.settings import Settings


def main(settings: Settings, index: int = 0) -> None:
    """Run until SIGTERM; any number of closers may run beside each other."""
    logs.configure(settings, process=f"closer-{index}")

    async def work(stop: asyncio.Event) -> None:
        async with open_book(settings) as book:
            await cancel_on(stop, Closer(book).run())

    run_until_stopped(work)
