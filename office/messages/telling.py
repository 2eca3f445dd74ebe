"""Writing a message, in the transaction of what it is about: both happen or neither.

    await tell(connection, ToAccount(12), "document.yours_to_seal", {"lot": lot, "title": title}, now=now)

Kinds and their texts are data: office/messages/templates/*.toml, one file for each owner. A kind that has no
text yet is kept and shown in general words.

Who registered for what is secret until the close:

- `ToRegistration` keeps the pseudonym and no account, and of the time the day alone. Facts that point at the
  lot (LOT_FACTS) are dropped; the page of the registration's owner fills them in through the sealed process.
- `ToRegistrantsOf` is one row with the lot and no person. The owner's page finds it by the lots of the
  owner's registrations; e-mail and SMS are sent by a round that asks the sealed process, and never
  name the lot.
- `ToAccount` is for who is known to have to do with the lot: its transferor, officials, and the winner after
  the close. Never tell a bidder about a lot in this way before the close.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.accounts import Role
from office.blurring import blurred

MessageKind = str
"""Lower case with dots: "lot.extended"."""
KIND: Final = re.compile(r"[a-z][a-z0-9_.]{1,59}")
REGISTRATION: Final = re.compile(r"R[0-9a-f]{16}")
LOT_FACTS: Final = frozenset({"lot", "title", "amount", "price", "paddle", "name", "account", "sub_account"})
"""What may point at a lot or a person: never kept beside a registration's pseudonym."""
LARGEST_FACTS: Final = 4000
MOST_OF_A_ROLE: Final = 500


@dataclass(frozen=True, slots=True)
class ToAccount:
    account_id: int


@dataclass(frozen=True, slots=True)
class ToRole:
    """Everybody who has this role now and is not disabled."""

    role: Role


@dataclass(frozen=True, slots=True)
class ToRegistration:
    """The owner of a registration, by its pseudonym."""

    registration: str


@dataclass(frozen=True, slots=True)
class ToRegistrantsOf:
    """Everybody who is registered for a lot."""

    lot: str


To = ToAccount | ToRole | ToRegistration | ToRegistrantsOf

_WRITE: Final = text(
    "INSERT INTO messages (account_id, registration, lot, kind, facts, at)"
    " VALUES (:account_id, :registration, :lot, :kind, CAST(:facts AS jsonb), :at)"
)
_WRITE_TO_ROLE: Final = text(
    "INSERT INTO messages (account_id, kind, facts, at)"
    " SELECT id, :kind, CAST(:facts AS jsonb), CAST(:at AS timestamptz) FROM accounts"
    " WHERE role = :role AND NOT disabled ORDER BY id LIMIT :most"
)


async def tell(
    connection: AsyncConnection,
    to: To,
    kind: MessageKind,
    facts: Mapping[str, str | int] | None = None,
    *,
    now: datetime,
) -> None:
    """Write a message, in the caller's transaction; it is delivered after the commit.

    Facts: texts and whole numbers that the kind's texts use. Raises ValueError for a kind, a pseudonym or
    facts of another form: that is a bug of the caller.
    """
    if not KIND.fullmatch(kind) or now.tzinfo is None:
        raise ValueError(f"not a kind of message, or no time zone: {kind[:60]!r}")
    given: dict[str, Any] = {"kind": kind, "at": now.astimezone(UTC)}
    match to:
        case ToRole(role):
            row = given | {"facts": _written(facts), "role": str(role), "most": MOST_OF_A_ROLE}
            await connection.execute(_WRITE_TO_ROLE, row)
        case ToAccount(account_id):
            await _write(connection, given, facts, account_id=account_id)
        case ToRegistration(registration):
            if not REGISTRATION.fullmatch(registration):
                raise ValueError("not a registration's pseudonym")
            kept = {name: value for name, value in (facts or {}).items() if name not in LOT_FACTS}
            await _write(connection, given | {"at": blurred(now)}, kept, registration=registration)
        case ToRegistrantsOf(lot):
            await _write(connection, given, facts, lot=lot)


async def _write(
    connection: AsyncConnection,
    given: Mapping[str, Any],
    facts: Mapping[str, str | int] | None,
    **to: Any,
) -> None:
    nobody = {"account_id": None, "registration": None, "lot": None}
    await connection.execute(_WRITE, {**given, "facts": _written(facts), **nobody, **to})


def _written(facts: Mapping[str, str | int] | None) -> str:
    written = json.dumps(dict(facts or {}), ensure_ascii=False).replace("\\u0000", "")
    if len(written.encode()) > LARGEST_FACTS:
        raise ValueError(f"the facts of a message take {len(written.encode())} bytes, over {LARGEST_FACTS}")
    return written
