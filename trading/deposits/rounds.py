"""What the steward does for the money, every two seconds: match it, and keep the refunds' dates right."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from office.sealed.port import Sealed
from trading.deposits.terms import TermsOf, listed_terms


class OnDepositChanged(Protocol):
    """Registrations.on_deposit_changed."""

    def __call__(self, registration: str, enough: bool, *, now: datetime) -> Awaitable[None]: ...


class MatchingRound:
    """New money to its sub-accounts, their states, and the registrations told. Safe to be killed and
    repeated."""

    def __init__(
        self,
        engine: AsyncEngine,
        sealed: Sealed,
        on_deposit_changed: OnDepositChanged,
        terms_of: TermsOf | None = None,
    ) -> None:
        self._engine = engine
        self._sealed = sealed
        self._on_deposit_changed = on_deposit_changed
        self._terms_of = terms_of or listed_terms(engine, sealed)

    async def round(self, now: datetime) -> int:
        """How much was done; 0: nothing waits."""
        return 0


class RefundRound:
    """Refunds whose day was provisional get the right one; finance is told of those that are due."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def round(self, now: datetime) -> int:
        return 0
