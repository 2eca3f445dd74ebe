"""What is secret until the result, bound before by salted SM3 commitments. Pure: salts are arguments.

    commitment = SM3(canonical({"salt": hex, "value": value}))

`qualified` binds the paddles with the ranks of their priority rights, `reserve` the reserve, `private` the
salt of the private chain. The result's `opening` shows all of it, and whoever has the ledger can check it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from bidding.messages import Commitments, canonical
from bidding.terms import Fen
from signing.sm3 import sm3

HEX: Final = frozenset("0123456789abcdef")
DIGEST_DIGITS: Final = 64
PADDLE_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Everything that the result of a lot opens. Raises ValueError for what no honest platform writes.

    `confirmed` has paddles with their salts, in the order of confirmation; `qualified` is sorted by paddle;
    `private_head` is the head of the private chain at `private_count`.
    """

    confirmed: tuple[tuple[str, str], ...]
    private_count: int
    private_head: str
    private_salt: str
    qualified: tuple[tuple[str, int], ...]
    qualified_salt: str
    reserve: Fen | None
    reserve_salt: str

    def __post_init__(self) -> None:
        paddles = [paddle for paddle, _ in self.qualified]
        confirmed = [paddle for paddle, _ in self.confirmed]
        faults = (
            (not _ascending(paddles), "qualified is not a sorted list of paddles"),
            (any(type(rank) is not int or rank < 0 for _, rank in self.qualified), "a rank is not a number"),
            (not all(map(_is_paddle, confirmed)), "confirmed is not a list of paddles"),
            (len(set(confirmed)) != len(confirmed), "somebody confirmed twice"),
            (not set(confirmed) <= set(paddles), "somebody confirmed who was not qualified"),
            (type(self.private_count) is not int or self.private_count < 0, "private_count is not a count"),
            (
                type(self.private_count) is int and self.private_count < len(confirmed),
                "fewer private entries than confirmations",
            ),
            (
                not all(_is_digest(text) for text in (self.private_head, *self._salts())),
                "a salt or the private head is not 64 hex digits",
            ),
            (
                self.reserve is not None and (type(self.reserve) is not int or self.reserve < 1),
                "reserve is not a price",
            ),
        )
        wrong = [text for is_wrong, text in faults if is_wrong]
        if wrong:
            raise ValueError("; ".join(wrong))

    def _salts(self) -> tuple[str, ...]:
        own = (self.private_salt, self.qualified_salt, self.reserve_salt)
        return (*own, *(salt for _, salt in self.confirmed))

    def as_json(self) -> dict[str, Any]:
        """The value of `opening` in the result's line."""
        return {
            "confirmed": [list(pair) for pair in self.confirmed],
            "private_count": self.private_count,
            "private_head": self.private_head,
            "private_salt": self.private_salt,
            "qualified": [list(pair) for pair in self.qualified],
            "qualified_salt": self.qualified_salt,
            "reserve": self.reserve,
            "reserve_salt": self.reserve_salt,
        }


def opening_from(raw: Mapping[str, Any]) -> Opening:
    """The opening in a result's line; ValueError for anything that is not exactly one."""
    try:
        qualified = tuple((paddle, rank) for paddle, rank in raw["qualified"])
        confirmed = tuple((paddle, salt) for paddle, salt in raw["confirmed"])
        parsed = Opening(**{**raw, "confirmed": confirmed, "qualified": qualified})
        if parsed.as_json() != dict(raw):
            raise ValueError("opening has another form")
        return parsed
    except (TypeError, KeyError) as fault:
        raise ValueError(f"not an opening: {fault}") from fault


class Secret(StrEnum):
    """What a commitment binds."""

    QUALIFIED = "qualified"
    RESERVE = "reserve"
    PRIVATE = "private"


def commitment(salt: str, value: object) -> str:
    """One salted commitment, 64 hex digits."""
    return sm3(canonical({"salt": salt, "value": value}).encode()).hex()


def next_confirmation(head: str, salt: str, paddle: str) -> str:
    """The rolling commitment to the confirmations once `paddle` has confirmed; all in hex.

    The first head is the lot's `private` commitment; the salt (32 random bytes) keeps the paddle secret.
    """
    return sm3(bytes.fromhex(head) + canonical({"salt": salt, "value": paddle}).encode()).hex()


def commitments_to(
    *,
    qualified: Mapping[str, int],
    qualified_salt: str,
    reserve: Fen | None,
    reserve_salt: str,
    private_salt: str,
) -> Commitments:
    """The three commitments that a lot's opening entry shows. Salts: 32 random bytes in hex."""
    return Commitments(
        qualified=commitment(qualified_salt, [list(pair) for pair in sorted(qualified.items())]),
        reserve=commitment(reserve_salt, reserve),
        private=sm3(bytes.fromhex(private_salt)).hex(),
    )


def check_opening(commitments: Commitments, opening: Opening) -> frozenset[Secret]:
    """Which of the commitments the opening does not fit; empty when all is well."""
    shown = commitments_to(
        qualified=dict(opening.qualified),
        qualified_salt=opening.qualified_salt,
        reserve=opening.reserve,
        reserve_salt=opening.reserve_salt,
        private_salt=opening.private_salt,
    )
    pairs = (
        (Secret.QUALIFIED, shown.qualified, commitments.qualified),
        (Secret.RESERVE, shown.reserve, commitments.reserve),
        (Secret.PRIVATE, shown.private, commitments.private),
    )
    return frozenset(secret for secret, opened, bound in pairs if opened != bound)


def is_sold(leader: str, price: int, reserve: int | None) -> bool:
    """Whether a closed lot is sold: somebody leads, and the price reaches the reserve if there is one."""
    return bool(leader) and (reserve is None or price >= reserve)


def _ascending(paddles: list[str]) -> bool:
    return all(map(_is_paddle, paddles)) and all(a < b for a, b in pairwise(paddles))


def _is_paddle(text: object) -> bool:
    return isinstance(text, str) and len(text) == PADDLE_DIGITS and set(text) <= set("0123456789")


def _is_digest(text: object) -> bool:
    return isinstance(text, str) and len(text) == DIGEST_DIGITS and set(text) <= HEX
