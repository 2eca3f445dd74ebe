"""Lots, their secrets, and the ledger

Revision: 0001
After: nothing
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Times are ms of the book's clock unless they are timestamptz. The entries have no foreign key to the lots: a
# check per row would halve what the writer copies, and a lot that has entries is never deleted.
TABLES = """
CREATE TABLE lots (
    id text PRIMARY KEY CHECK (id ~ '^[A-Z0-9-]{1,32}$'),
    title text NOT NULL,
    asset_class text NOT NULL
        CHECK (asset_class IN ('physical', 'debt', 'equity', 'concession', 'operating_right')),
    place text NOT NULL,
    description text NOT NULL,
    transferor text NOT NULL,
    terms jsonb NOT NULL,
    opens_at bigint NOT NULL,
    created_by integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    phase text NOT NULL DEFAULT 'scheduled'
        CHECK (phase IN ('scheduled', 'inquiry', 'timed_bidding', 'suspended', 'closed', 'aborted')),
    epoch integer NOT NULL DEFAULT 1,
    seq integer NOT NULL DEFAULT 0,
    price bigint NOT NULL DEFAULT 0,
    leader text NOT NULL DEFAULT '',
    bids integer NOT NULL DEFAULT 0,
    deadline bigint NOT NULL DEFAULT 0,
    closed_at bigint,
    sold boolean,
    winner text NOT NULL DEFAULT ''
);
CREATE INDEX lots_by_phase ON lots (phase, opens_at, id);

CREATE TABLE lot_secrets (
    lot text PRIMARY KEY REFERENCES lots (id),
    reserve bigint CHECK (reserve > 0),
    reserve_salt text NOT NULL,
    qualified_salt text NOT NULL,
    private_salt text NOT NULL
);

CREATE TABLE merkle_roots (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    root bytea NOT NULL,
    count integer NOT NULL,
    signature bytea NOT NULL,
    key_id text NOT NULL
);

CREATE TABLE merkle_leaves (
    lot text NOT NULL,
    seq integer NOT NULL,
    root bigint NOT NULL REFERENCES merkle_roots (id),
    hash bytea NOT NULL,
    index integer NOT NULL,
    path bytea NOT NULL,
    PRIMARY KEY (lot, seq)
);
CREATE INDEX merkle_leaves_by_root ON merkle_leaves (root);

CREATE TABLE ledger_entries (
    lot text NOT NULL,
    seq integer NOT NULL,
    epoch integer NOT NULL,
    kind text NOT NULL,
    at bigint NOT NULL,
    line text NOT NULL,
    prev bytea NOT NULL,
    hash bytea NOT NULL,
    bid_id text NOT NULL,
    root bigint NOT NULL,
    PRIMARY KEY (lot, seq)
);

CREATE TABLE private_entries (
    lot text NOT NULL,
    number integer NOT NULL,
    epoch integer NOT NULL,
    kind text NOT NULL,
    at bigint NOT NULL,
    line text NOT NULL,
    prev bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (lot, number)
);

CREATE TABLE ledger_positions (
    partition integer PRIMARY KEY,
    log text NOT NULL,
    private_log text NOT NULL
);

CREATE TABLE ledger_keys (
    id text PRIMARY KEY,
    pem text NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE lot_seals (
    lot text PRIMARY KEY REFERENCES lots (id),
    statement text NOT NULL,
    signature bytea NOT NULL,
    key_id text NOT NULL
);

CREATE TABLE ledger_conflicts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot text NOT NULL,
    partition integer NOT NULL,
    private boolean NOT NULL,
    position text NOT NULL,
    number integer NOT NULL,
    fault text NOT NULL CHECK (fault IN ('different', 'gap', 'epoch', 'malformed', 'unknown_lot')),
    stored text NOT NULL,
    received text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE UNIQUE INDEX ledger_conflicts_open ON ledger_conflicts (lot) WHERE resolved_at IS NULL;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    for table in (
        *("ledger_conflicts", "lot_seals", "ledger_keys", "ledger_positions", "private_entries"),
        *("ledger_entries", "merkle_leaves", "merkle_roots", "lot_secrets", "lots"),
    ):
        op.execute(f"DROP TABLE {table}")
