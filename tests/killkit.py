"""Killing what works between any two of its statements, in one process.

    guillotine = Guillotine(engine)
    await killed_everywhere(guillotine, lambda: steward_round(now))

A kill is an exception that nobody catches, raised before the n-th statement or commit: what was not committed
is rolled back, as by a kill -9, and what was done outside the database stays done. tests/faults kills real
processes.
"""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

MOST_POINTS: Final = 2_000
T = TypeVar("T")


class Killed(BaseException):
    """No `except Exception` of the code under test may swallow it."""


class Guillotine:
    """Counts the statements and commits of an engine, and falls before the one it is set to."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._left: int | None = None
        event.listen(engine.sync_engine, "before_cursor_execute", self._statement)
        event.listen(engine.sync_engine, "commit", self._commit)

    def set(self, before: int | None) -> None:
        """Fall before so many statements from now; None: not at all."""
        self._left = before

    def _statement(self, *_of: Any) -> None:
        self._count()

    def _commit(self, _connection: Any) -> None:
        self._count()

    def _count(self) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self._left = None
            raise Killed


async def killed_everywhere(
    guillotine: Guillotine, work: Callable[[], Awaitable[T]], every: int = 1
) -> tuple[int, T]:
    """Start the work again and again, killed before its first statement, its second (or with `every` 3, its
    fourth), …, until it comes to its end.

    How often it was killed, and what it gave in the end.
    """
    for kills in itertools.count():
        assert kills < MOST_POINTS, "the work does not come to an end"
        guillotine.set(1 + kills * every)
        try:
            done = await work()
        except Killed:
            continue
        finally:
            guillotine.set(None)
        return kills, done
    raise AssertionError("unreachable")
