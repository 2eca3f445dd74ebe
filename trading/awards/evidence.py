"""A bidder's own evidence of an ended auction: the bids, their receipts, the public ledger, in one zip.

Receipts prove that the platform had an entry at its place (docs/ledger.md); the ledger lets anybody replay
the auction. Both are checked offline by `luochui verify`.
"""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.ledger.receipts import receipt
from bidding.messages import BidAccepted, parse
from office.money import yuan
from trading.awards.archive import add, add_pages
from trading.awards.archive_contents import TooMuch, ledger_pages

MOST_BIDS: Final = 10_000
LARGEST: Final = 256 << 20
"""Bytes of all receipts together."""
LEDGER: Final = "ledger.jsonl"
_BIDS: Final = text(
    "SELECT seq, line FROM ledger_entries WHERE lot = :lot AND kind = 'bid_accepted'"
    " AND line LIKE :paddle ORDER BY seq LIMIT :most"
)
README: Final = """出价证据包 / Evidence of your bids

bids.csv        您的每一次有效出价（账本序号、时间、价格）
receipts/       每一次出价的回执，平台签名
ledger.jsonl    这场竞价的公开账本，含平台封存签名

核验： luochui verify ledger.jsonl ； luochui verify receipts/N.receipt.json

bids.csv: each of your accepted bids. receipts/: the signed receipt of each. ledger.jsonl: the public
ledger with the platform's seal. Check them with `luochui verify`.
"""


@dataclass(frozen=True, slots=True)
class OwnBid:
    """One accepted bid; `at` in ms since 1970, UTC."""

    seq: int
    at: int
    price: int
    priority: bool


async def own_bids(connection: AsyncConnection, lot: str, paddle: str) -> list[OwnBid]:
    """Raises TooMuch."""
    given = {"lot": lot, "paddle": f'%"paddle":"{paddle}"%', "most": MOST_BIDS + 1}
    rows = (await connection.execute(_BIDS, given)).all()
    if len(rows) > MOST_BIDS:
        raise TooMuch(f"{lot}: bids")
    entries = [parse(row.line) for row in rows]
    return [
        OwnBid(entry.seq, entry.at, int(entry.price), entry.priority)
        for entry in entries
        if isinstance(entry, BidAccepted) and entry.paddle == paddle
    ]


async def evidence(connection: AsyncConnection, lot: str, paddle: str) -> bytes:
    """The zip; the same auction gives the same bytes. Raises TooMuch."""
    bids = await own_bids(connection, lot, paddle)
    files = {"README.txt": README.encode(), "bids.json": _json(lot, paddle, bids), "bids.csv": _csv(bids)}
    size = 0
    for bid in bids:
        found = await receipt(connection, lot, bid.seq)
        if found is not None:
            files[f"receipts/{bid.seq:06d}.receipt.json"] = (found.text() + "\n").encode()
            size += len(files[f"receipts/{bid.seq:06d}.receipt.json"])
        if size > LARGEST:
            raise TooMuch(f"{lot}: receipts")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for path in sorted((*files, LEDGER)):
            if path == LEDGER:
                await add_pages(package, path, ledger_pages(connection, lot))
            else:
                add(package, path, files[path])
    return out.getvalue()


def _json(lot: str, paddle: str, bids: list[OwnBid]) -> bytes:
    told = {"lot": lot, "paddle": paddle, "bids": [asdict(bid) for bid in bids]}
    return (json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def _csv(bids: list[OwnBid]) -> bytes:
    rows = ["账本序号,时间（毫秒，UTC）,价格（元）,行使优先购买权"]
    rows += [f'{bid.seq},{bid.at},"{yuan(bid.price)}",{"是" if bid.priority else ""}' for bid in bids]
    return ("\ufeff" + "\r\n".join(rows) + "\r\n").encode()
