"""`luochui demo` without robots and with one listing: `python -m tests.browser.quiet_demo`.

What the demonstration has beside that is there: the authority, the assistant, the outbox that shows SMS and
the remarks of transfers, the bank and the providers of payments, the clock that is moved by hand.
"""

from dataclasses import replace

from luochui import demo, demo_listings
from luochui.cli import app
from luochui.commands import up
from luochui.services.program import Program
from luochui.settings import Settings

STAFF = ("transferor", "administrator1", "administrator2", "finance1", "finance2", "clerk1", "clerk2")
LISTED = "announced"
ABSENT = ("robots",)
_all_processes = up.processes


def processes(settings: Settings) -> list[Program]:
    return [one for one in _all_processes(settings) if one.name not in ABSENT]


def _no_lots(_settings: Settings) -> tuple[demo.Cast, ...]:
    return ()


async def _nothing(_showing: demo_listings.Showing) -> None:
    """The asset that it is about is not there."""


if __name__ == "__main__":
    demo.ACCOUNTS = tuple(one for one in demo.ACCOUNTS if one.login in STAFF)
    demo.prepare = _no_lots
    asset = next(one for one in demo_listings.ASSETS if one.key == LISTED)
    demo_listings.ASSETS = (replace(asset, registrants=(), unpaid=()),)
    demo_listings.Showing._mark_complete = _nothing  # type: ignore[method-assign]
    up.processes = processes
    app(["demo"])
