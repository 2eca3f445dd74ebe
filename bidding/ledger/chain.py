"""What is hashed and what is signed: a lot's chains, the leaves of a batch, two signed statements. Pure.

    hash_n = SM3(hash_{n-1} || line_n)        public genesis  = SM3("luochui ledger v1\\n" || lot)
                                              private genesis = SM3("luochui private v1\\n" || salt)

A line is the exact bytes that the book wrote. docs/ledger.md says what follows from this and what does not.
"""

from dataclasses import dataclass
from typing import Final

from bidding.messages import canonical
from signing.sm3 import sm3

PUBLIC: Final = b"luochui ledger v1\n"
PRIVATE: Final = b"luochui private v1\n"


def genesis(lot: str) -> bytes:
    """What the first public entry of a lot builds on."""
    return sm3(PUBLIC + lot.encode())


def private_genesis(private_salt: str) -> bytes:
    """What the first private entry builds on: without the salt nobody can guess refusals from their head."""
    return sm3(PRIVATE + bytes.fromhex(private_salt))


def link(previous: bytes, line: bytes) -> bytes:
    """The hash of the entry `line` that follows `previous`."""
    return sm3(previous + line)


def leaf(lot: str, seq: int, head: bytes) -> bytes:
    """How a lot's head enters a batch's Merkle tree."""
    return canonical({"hash": head.hex(), "lot": lot, "seq": seq}).encode()


@dataclass(frozen=True, slots=True)
class RootStatement:
    """What the platform signs once per batch. `at` in ms of its clock; `count` leaves under `root`."""

    at: int
    count: int
    root: bytes

    def text(self) -> bytes:
        return canonical({"at": self.at, "count": self.count, "root": self.root.hex()}).encode()


@dataclass(frozen=True, slots=True)
class SealStatement:
    """What the platform signs once per lot, when its result (or its abortion) is recorded.

    `count` entries end in `head`; `result` is sold, unsold or aborted; `winner` and `price` (fen) are empty
    and 0 unless sold; `at` is the last entry's time.
    """

    lot: str
    count: int
    head: str
    result: str
    winner: str
    price: int
    at: int

    def text(self) -> str:
        return canonical(
            {
                "at": self.at,
                "count": self.count,
                "head": self.head,
                "lot": self.lot,
                "price": self.price,
                "result": self.result,
                "winner": self.winner,
            }
        )
