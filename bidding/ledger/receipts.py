"""Receipts: the proof, for one public entry, that the platform has it in its ledger at its place.

A receipt holds the entry, the lines that follow it up to the head of its batch, the head's path in the
batch's Merkle tree, and the platform's signature over the tree's root. Whoever holds one can show later that
the entry stood there, with this number, after this history. docs/ledger.md says what it does not prove.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.ledger.chain import RootStatement, genesis, leaf, link
from bidding.messages import canonical, parse
from signing.merkle import verify_path
from signing.sm2 import PublicKey
from signing.sm3 import DIGEST_SIZE

FORMAT: Final = "luochui receipt 1"
MAX_LINES: Final = 100_000
MAX_RECEIPT: Final = 32 * 1024 * 1024
"""Bytes of a receipt's JSON that are read."""

_LEAF: Final = text(
    "SELECT leaves.seq, leaves.index AS place, leaves.path, roots.at, roots.count AS size, roots.root,"
    " roots.signature, roots.key_id"
    " FROM merkle_leaves AS leaves JOIN merkle_roots AS roots ON roots.id = leaves.root"
    " WHERE leaves.lot = :lot AND leaves.seq >= :seq ORDER BY leaves.seq LIMIT 1"
)
_LINES: Final = text(
    "SELECT line, prev FROM ledger_entries WHERE lot = :lot AND seq BETWEEN :seq AND :head ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """`lines` begin with the entry itself (number `seq`) and end with the batch's head; `prev` is the chain's
    hash before them; `path` leads from the head's leaf (number `index`) to the root."""

    lot: str
    seq: int
    prev: bytes
    lines: tuple[str, ...]
    index: int
    path: tuple[bytes, ...]
    root: RootStatement
    signature: bytes
    key_id: str

    def as_json(self) -> dict[str, Any]:
        """The receipt as it is given out."""
        return {
            "format": FORMAT,
            "index": self.index,
            "key": self.key_id,
            "lines": list(self.lines),
            "lot": self.lot,
            "path": [sibling.hex() for sibling in self.path],
            "prev": self.prev.hex(),
            "root": {"at": self.root.at, "count": self.root.count, "root": self.root.root.hex()},
            "seq": self.seq,
            "signature": self.signature.hex(),
        }

    def text(self) -> str:
        return canonical(self.as_json())


class Verdict(StrEnum):
    """What a receipt is worth."""

    VALID = "valid"
    UNKNOWN_ISSUER = "unknown_issuer"
    BROKEN = "broken"


async def receipt(connection: AsyncConnection, lot: str, seq: int) -> Receipt | None:
    """The receipt of one public entry; None while there is no such entry in a signed batch."""
    found = (await connection.execute(_LEAF, {"lot": lot, "seq": seq})).first()
    if found is None:
        return None
    rows = (await connection.execute(_LINES, {"lot": lot, "seq": seq, "head": found.seq})).all()
    if len(rows) != found.seq - seq + 1:
        return None
    return Receipt(
        lot=lot,
        seq=seq,
        prev=bytes(rows[0].prev),
        lines=tuple(row.line for row in rows),
        index=found.place,
        path=_split(bytes(found.path)),
        root=RootStatement(found.at, found.size, bytes(found.root)),
        signature=bytes(found.signature),
        key_id=found.key_id,
    )


def receipt_from(raw: str | bytes) -> Receipt:
    """A receipt from its JSON. Raises ValueError for anything that is not exactly one."""
    if len(raw) > MAX_RECEIPT:
        raise ValueError(f"a receipt has at most {MAX_RECEIPT} bytes")
    try:
        read = _receipt(json.loads(raw))
        if json.loads(raw) != read.as_json():
            raise ValueError("a receipt has another form")
        return read
    except (TypeError, KeyError, AttributeError, RecursionError) as fault:
        raise ValueError(f"not a receipt: {type(fault).__name__}") from fault


def _receipt(raw: Mapping[str, Any]) -> Receipt:
    if not all(isinstance(line, str) for line in raw["lines"]) or type(raw["seq"]) is not int:
        raise ValueError("lines are texts and seq is a number")
    said = raw["root"]
    return Receipt(
        lot=str(raw["lot"]),
        seq=raw["seq"],
        prev=bytes.fromhex(raw["prev"]),
        lines=tuple(raw["lines"]),
        index=int(raw["index"]),
        path=tuple(bytes.fromhex(sibling) for sibling in raw["path"]),
        root=RootStatement(int(said["at"]), int(said["count"]), bytes.fromhex(said["root"])),
        signature=bytes.fromhex(raw["signature"]),
        key_id=str(raw["key"]),
    )


def check_receipt(receipt: Receipt, trusted: Collection[PublicKey]) -> Verdict:
    """Whether the receipt holds together and a trusted key signed its batch.

    A receipt carries no key: whose it claims to be is looked up among the trusted ones.
    """
    if not _holds_together(receipt):
        return Verdict.BROKEN
    named = [key for key in trusted if key.key_id == receipt.key_id]
    if not named:
        return Verdict.UNKNOWN_ISSUER
    signed = any(key.verify(receipt.root.text(), receipt.signature) for key in named)
    return Verdict.VALID if signed else Verdict.BROKEN


def _holds_together(receipt: Receipt) -> bool:
    if not 0 < len(receipt.lines) <= MAX_LINES or len(receipt.prev) != DIGEST_SIZE:
        return False
    if receipt.seq == 1 and receipt.prev != genesis(receipt.lot):
        return False
    head = receipt.prev
    for number, line in enumerate(receipt.lines, start=receipt.seq):
        if not _is_entry(line, receipt.lot, number):
            return False
        head = link(head, line.encode())
    last = receipt.seq + len(receipt.lines) - 1
    said = receipt.root
    return verify_path(leaf(receipt.lot, last, head), receipt.index, said.count, receipt.path, said.root)


def _is_entry(line: str, lot: str, seq: int) -> bool:
    try:
        entry = parse(line)
    except ValueError:
        return False
    return getattr(entry, "lot", None) == lot and getattr(entry, "seq", None) == seq


def _split(path: bytes) -> tuple[bytes, ...]:
    return tuple(path[start : start + DIGEST_SIZE] for start in range(0, len(path), DIGEST_SIZE))
