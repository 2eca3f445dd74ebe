"""Whom a gateway recognized comes back in while the sealed process is away; nobody else does."""

import pytest

from luochui.processes import gateway
from luochui.processes.gateway import Remembering
from office.sealed import SealedAway


class Flickering:
    """A sealed process that answers, or not."""

    def __init__(self) -> None:
        self.away = False
        self.paddle: str | None = "1234"

    async def paddle_of(self, lot: str, account_id: int) -> tuple[str, int] | None:
        if self.away:
            raise SealedAway
        return (self.paddle, account_id) if self.paddle else None


async def test_who_was_recognized_comes_back_in() -> None:
    sealed = Flickering()
    paddle_of = Remembering(sealed)  # type: ignore[arg-type]
    assert await paddle_of("L-1", 1) == ("1234", 1)
    sealed.away = True
    assert await paddle_of("L-1", 1) == ("1234", 1)
    for stranger in (("L-1", 2), ("L-2", 1)):
        with pytest.raises(SealedAway):
            await paddle_of(*stranger)


async def test_who_was_nobody_is_asked_about_again() -> None:
    sealed = Flickering()
    sealed.paddle = None
    paddle_of = Remembering(sealed)  # type: ignore[arg-type]
    assert await paddle_of("L-1", 1) is None
    sealed.away = True
    with pytest.raises(SealedAway):
        await paddle_of("L-1", 1)


async def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "REMEMBERED", 2)
    sealed = Flickering()
    paddle_of = Remembering(sealed)  # type: ignore[arg-type]
    for account in (1, 2, 1, 3):
        await paddle_of("L-1", account)
    sealed.away = True
    assert await paddle_of("L-1", 1) is not None
    with pytest.raises(SealedAway):
        await paddle_of("L-1", 2)
