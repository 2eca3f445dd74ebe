"""Checks of /readyz that the book's server answers: the gateways' beats, how far the ledger is behind, the
steward's sign of life."""

from collections.abc import Callable, Sequence
from typing import Final

from bidding.book import Book
from bidding.gateway.lookup import PartitionClock, read_clocks
from bidding.pipeline import BookUnavailable
from luochui.operations.readiness import Check, Probe
from luochui.settings import Settings

STEWARD_BEAT: Final = "luochui:steward:beat"
STEWARD_SILENT_S: Final = 120
"""It shows itself every 2 s; longer, and what is due stays undone: a person has to look."""

Judge = Callable[[int, Sequence[PartitionClock]], Check]


def probes(book: Book, settings: Settings) -> Sequence[Probe]:
    """For `readiness(settings, more=…)`."""

    async def beats() -> Check:
        return await _asked("beats", book, lambda now, clocks: beat_age(now, clocks, settings.tolerance_ms))

    async def ledger() -> Check:
        return await _asked(
            "ledger", book, lambda now, clocks: ledger_lag(now, clocks, settings.ledger_lag_limit_ms)
        )

    async def steward() -> Check:
        return await _steward(book)

    return (beats, ledger, steward)


async def _asked(name: str, book: Book, judge: Judge) -> Check:
    try:
        now, _ = await book.observe(0)
        return judge(now, await read_clocks(book))
    except BookUnavailable:
        return Check(name, False, "the book does not answer")


async def _steward(book: Book) -> Check:
    try:
        now, _ = await book.observe(0)
        connection = await book.pipeline.ready()
        return steward_age(now, await connection.ask("GET", STEWARD_BEAT))
    except BookUnavailable:
        return Check("steward", False, "the book's server does not answer")


def steward_age(now: int, beat: bytes | None) -> Check:
    """Whether dates that have come are acted on. Where no steward ever ran, none is missed."""
    if beat is None:
        return Check("steward", True, "none has run here")
    silent_s = max(0, now // 1000 - int(beat))
    says = f"last seen {silent_s} s ago"
    return Check("steward", silent_s <= STEWARD_SILENT_S, says)


def beat_age(now: int, clocks: Sequence[PartitionClock], tolerance_ms: int) -> Check:
    """Whether bids can be placed: every partition has had a beat within the tolerance."""
    oldest = max(now - clock.beat for clock in clocks)
    silent = sum(not clock.steady(now, tolerance_ms) for clock in clocks)
    if silent:
        return Check("beats", False, f"{silent} of {len(clocks)} partitions without a steady beat")
    return Check("beats", True, f"the oldest is {max(0, oldest)} ms old")


def ledger_lag(now: int, clocks: Sequence[PartitionClock], limit_ms: int) -> Check:
    """Whether what is acknowledged also gets recorded."""
    lag = max(now - clock.ledger for clock in clocks)
    if lag > limit_ms:
        return Check("ledger", False, "nothing recorded yet" if lag > now // 2 else f"{lag} ms behind")
    return Check("ledger", True, f"at most {max(0, lag)} ms behind")
