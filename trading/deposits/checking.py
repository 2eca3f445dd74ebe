"""Whether everything adds up: the journal by itself, and against what the banks reported."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Each is a number of rows, or a difference in fen, that has to be zero."""

    unbalanced: int
    """Postings whose lines do not sum to zero, or are not whole."""
    unposted: int
    """Transactions of banks without a posting, or with another amount."""
    difference: int
    """The ledger `bank` against the sum of all transactions."""
    overdrawn: int
    """Sub-accounts, price accounts and other debts that would owe less than nothing."""
    misplaced: int
    """Sub-accounts whose balance is not what came less what went back and was taken."""

    @property
    def sound(self) -> bool:
        return not any(getattr(self, name) for name in self.__dataclass_fields__)


_UNBALANCED: Final = text(
    "SELECT count(*) FROM (SELECT p.id FROM journal_postings p"
    " LEFT JOIN journal_lines l ON l.posting_id = p.id GROUP BY p.id, p.line_count"
    " HAVING coalesce(sum(l.fen), 1) <> 0 OR count(l.line) <> p.line_count) AS wrong"
)
_UNPOSTED: Final = text(
    "SELECT count(*) FROM bank_transactions t LEFT JOIN journal_postings p"
    " ON p.reference = 'transaction ' || t.id LEFT JOIN journal_lines l"
    " ON l.posting_id = p.id AND l.ledger = 'bank' WHERE l.fen IS DISTINCT FROM t.amount"
)
_DIFFERENCE: Final = text(
    "SELECT (SELECT coalesce(sum(fen), 0) FROM journal_lines WHERE ledger = 'bank')"
    " - (SELECT coalesce(sum(amount), 0) FROM bank_transactions)"
)
_OVERDRAWN: Final = text(
    "SELECT count(*) FROM (SELECT detail FROM journal_lines WHERE ledger NOT IN"
    " ('bank', 'sent', 'provider', 'counter')"
    " GROUP BY ledger, detail HAVING sum(fen) > 0) AS wrong"
)
_MISPLACED: Final = text(
    "WITH held AS ("
    " SELECT detail, -sum(fen) AS fen FROM journal_lines WHERE ledger = 'deposit' GROUP BY detail),"
    " came AS (SELECT m.account, sum(t.amount - m.returned) AS fen FROM moneys m"
    " JOIN bank_transactions t ON t.id = m.transaction_id WHERE m.account <> '' GROUP BY m.account)"
    " SELECT count(*) FROM sub_accounts s LEFT JOIN held ON held.detail = s.sub_account"
    " LEFT JOIN came ON came.account = s.sub_account"
    " WHERE coalesce(held.fen, 0) <> coalesce(came.fen, 0) - s.taken"
)


async def check(connection: AsyncConnection) -> Verdict:
    """Everything, from the rows themselves."""
    return Verdict(
        unbalanced=int(await connection.scalar(_UNBALANCED) or 0),
        unposted=int(await connection.scalar(_UNPOSTED) or 0),
        difference=int(await connection.scalar(_DIFFERENCE) or 0),
        overdrawn=int(await connection.scalar(_OVERDRAWN) or 0),
        misplaced=int(await connection.scalar(_MISPLACED) or 0),
    )
