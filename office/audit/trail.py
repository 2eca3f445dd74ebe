"""Writing to the audit log, in the transaction of what is done: both happen or neither.

    await record(connection, at=now, actor=account(12), role=Role.ADMINISTRATOR, act="lot.announce",
                 subject="XX-SW-2026-0007", facts={"after": "announced"})

Entries are linked into the chain a moment later (office/audit/chain.py), in one short transaction with an
advisory lock of its own: nobody who acts waits here for another who acts, and no two can block each other.

Who: "account 12", a registration's pseudonym ("R" and 16 hex digits), "clock" for the platform itself, or
"objector" for who objected to a lot and is named nowhere before the close.
Before the close no entry has an account and a lot together that would show who bids: the acts of bidders on
their registrations are recorded under the pseudonym, with no lot. Of these only the day is kept.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.blurring import blurred

LARGEST_FACTS: Final = 4000
LONGEST_NAME: Final = 100
CLOCK: Final = "clock"
OBJECTOR: Final = "objector"
REGISTRATION: Final = re.compile(r"R[0-9a-f]{16}")
ACTOR: Final = re.compile(r"account [0-9]{1,10}|R[0-9a-f]{16}|clock|objector")
NAME: Final = re.compile(r"[a-z][a-z0-9_.]{1,59}")
SECRET: Final = frozenset({"password", "passwd", "secret", "token", "cookie", "csrf"})
"""Facts are never called so: an entry stays for ever and many may read it."""

_WRITE: Final = text(
    "INSERT INTO audit_entries (at, actor, role, act, subject, facts)"
    " VALUES (:at, :actor, :role, :act, :subject, :facts) RETURNING id"
)


def account(account_id: int) -> str:
    """An account as an entry names it."""
    return f"account {account_id}"


async def record(
    connection: AsyncConnection,
    *,
    at: datetime,
    actor: str,
    role: str,
    act: str,
    subject: str,
    facts: Mapping[str, object] | None = None,
) -> int:
    """One entry, in the caller's transaction; its id.

    `role`: of the actor, "" for the clock. `act`: lower case with dots, "lot.announce". `subject`: what it
    was done to (a lot, a registration, a document). Facts: JSON values, no secrets,
    at most LARGEST_FACTS bytes.
    Raises ValueError for an entry of another form: that is a bug of the caller.
    """
    if not ACTOR.fullmatch(actor) or not NAME.fullmatch(act):
        raise ValueError(f"not an actor or an act: {actor[:40]!r} {act[:60]!r}")
    if at.tzinfo is None:
        raise ValueError("the moment needs a time zone")
    secret = actor == OBJECTOR or REGISTRATION.fullmatch(actor)
    row = {
        "at": (blurred(at) if secret else at).astimezone(UTC),
        "actor": actor,
        "role": str(role)[:LONGEST_NAME],
        "act": act,
        "subject": subject.replace("\0", "")[:LONGEST_NAME],
        "facts": canonical(facts or {}),
    }
    return int((await connection.execute(_WRITE, row)).scalar_one())


async def look(
    connection: AsyncConnection,
    *,
    at: datetime,
    actor: str,
    role: str,
    what: str,
    subject: str,
    facts: Mapping[str, object] | None = None,
) -> int:
    """Somebody looks at protected facts; `what`, e.g. "names" or "registration": the act is "look.names"."""
    return await record(
        connection, at=at, actor=actor, role=role, act=f"look.{what}", subject=subject, facts=facts
    )


def canonical(facts: Mapping[str, object]) -> str:
    """Facts as one text: keys sorted, no spaces. Raises ValueError for what has no place in the log."""
    for name in facts:
        if name.lower() in ("pin", "code") or not SECRET.isdisjoint(name.lower().split("_")):
            raise ValueError(f"a fact called {name!r} does not belong in the audit log")
    written = json.dumps(
        facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str, allow_nan=False
    ).replace("\\u0000", "")
    if len(written.encode()) > LARGEST_FACTS:
        raise ValueError(f"the facts of an entry take {len(written.encode())} bytes, over {LARGEST_FACTS}")
    return written
