"""Registrations, joint purchases, priority holders, the sealed links.

The links are boxes and tags that only the sealed process makes (office/sealed). The table `paddles`, which
held the link in the clear, stays until that process starts: it alone has the key, takes the rows over and
empties the table.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE sealed_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    mark text NOT NULL,
    box bytea NOT NULL
);

CREATE TABLE sealed_registrations (
    registration text PRIMARY KEY CHECK (registration ~ '^R[0-9a-f]{16}$'),
    pair_tag bytea UNIQUE,
    lot_tag bytea NOT NULL,
    account_tag bytea NOT NULL,
    identity_tag bytea,
    box bytea NOT NULL
);
CREATE INDEX sealed_registrations_lot ON sealed_registrations (lot_tag);
CREATE INDEX sealed_registrations_account ON sealed_registrations (account_tag);
CREATE INDEX sealed_registrations_identity ON sealed_registrations (identity_tag)
    WHERE identity_tag IS NOT NULL;

CREATE TABLE sealed_paddles (
    pair_tag bytea PRIMARY KEY,
    paddle_tag bytea NOT NULL UNIQUE,
    lot_tag bytea NOT NULL,
    account_tag bytea NOT NULL,
    listed boolean NOT NULL,
    box bytea NOT NULL
);
CREATE INDEX sealed_paddles_lot ON sealed_paddles (lot_tag);
CREATE INDEX sealed_paddles_account ON sealed_paddles (account_tag);

CREATE TABLE sealed_partners (
    registration text NOT NULL REFERENCES sealed_registrations (registration),
    account_tag bytea NOT NULL,
    box bytea NOT NULL,
    PRIMARY KEY (registration, account_tag)
);
CREATE INDEX sealed_partners_account ON sealed_partners (account_tag);

CREATE TABLE sealed_sub_accounts (
    sub_account_tag bytea PRIMARY KEY,
    registration_tag bytea NOT NULL UNIQUE,
    box bytea NOT NULL
);

CREATE TABLE registrations (
    registration text PRIMARY KEY CHECK (registration ~ '^R[0-9a-f]{16}$'),
    state text NOT NULL,
    step text NOT NULL DEFAULT '',
    version integer NOT NULL DEFAULT 1,
    deposit_in boolean NOT NULL DEFAULT false,
    agreed_to integer NOT NULL DEFAULT 0,
    sealed_at timestamptz,
    reason text NOT NULL DEFAULT '',
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX registrations_by_state ON registrations (state, changed_at DESC);

CREATE TABLE registration_boxes (
    registration text NOT NULL REFERENCES registrations (registration),
    name text NOT NULL,
    box bytea NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (registration, name)
);

CREATE TABLE registration_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registration text NOT NULL REFERENCES registrations (registration),
    act text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    at timestamptz NOT NULL,
    reason text NOT NULL DEFAULT ''
);
CREATE INDEX registration_events_of ON registration_events (registration, id);

CREATE TABLE registration_lapses (
    lot text PRIMARY KEY REFERENCES listings (lot),
    at timestamptz NOT NULL
);

CREATE TABLE priority_holders (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot text NOT NULL REFERENCES listings (lot),
    name text NOT NULL,
    code text NOT NULL,
    rank integer NOT NULL CHECK (rank BETWEEN 1 AND 99),
    ground text NOT NULL,
    proof_digest text NOT NULL,
    proof_name text NOT NULL,
    state text NOT NULL CHECK (state IN ('marked', 'confirmed', 'refused')),
    reason text NOT NULL DEFAULT '',
    marked_by integer NOT NULL REFERENCES accounts (id),
    marked_at timestamptz NOT NULL,
    decided_by integer REFERENCES accounts (id),
    decided_at timestamptz,
    UNIQUE (lot, code)
);
CREATE INDEX priority_holders_of_lot ON priority_holders (lot, rank, id);
CREATE INDEX priority_holders_open ON priority_holders (marked_at) WHERE state = 'marked';
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "DROP TABLE priority_holders, registration_lapses, registration_events, registration_boxes,"
        " registrations, sealed_sub_accounts, sealed_partners, sealed_paddles, sealed_registrations,"
        " sealed_key"
    )
