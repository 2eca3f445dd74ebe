"""Rule profiles, working days, listings with their history and announcements; people of finance.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CLASSES = "('physical', 'debt', 'equity', 'concession', 'operating_right')"
_METHODS = "('competitive_bidding', 'auction')"
TABLES = f"""
CREATE TABLE rule_profiles (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_class text NOT NULL CHECK (asset_class IN {_CLASSES}),
    method text NOT NULL CHECK (method IN {_METHODS}),
    version integer NOT NULL,
    state text NOT NULL CHECK (state IN ('draft', 'published', 'retired')),
    fields jsonb NOT NULL,
    made_by integer REFERENCES accounts (id),
    made_at timestamptz NOT NULL,
    published_by integer REFERENCES accounts (id),
    published_at timestamptz,
    UNIQUE (asset_class, method, version)
);
CREATE UNIQUE INDEX rule_profiles_published ON rule_profiles (asset_class, method) WHERE state = 'published';

CREATE TABLE working_day_overrides (
    day date PRIMARY KEY,
    works boolean NOT NULL,
    reason text NOT NULL,
    set_by integer REFERENCES accounts (id),
    set_at timestamptz NOT NULL
);

CREATE TABLE listings (
    lot text PRIMARY KEY CHECK (lot ~ '^[A-Z0-9-]{{1,32}}$'),
    transferor_id integer NOT NULL REFERENCES accounts (id),
    transferor text NOT NULL,
    state text NOT NULL,
    resume_state text NOT NULL DEFAULT '',
    asset_class text NOT NULL CHECK (asset_class IN {_CLASSES}),
    method text NOT NULL CHECK (method IN {_METHODS}),
    title text NOT NULL,
    place text NOT NULL,
    overview text NOT NULL DEFAULT '',
    disclosures text NOT NULL DEFAULT '',
    conditions text NOT NULL DEFAULT '',
    details jsonb NOT NULL DEFAULT '{{}}',
    starting_price bigint NOT NULL CHECK (starting_price > 0),
    increment bigint NOT NULL CHECK (increment > 0),
    max_steps integer NOT NULL DEFAULT 100,
    deposit bigint NOT NULL CHECK (deposit >= 0),
    valuation bigint CHECK (valuation > 0),
    reserve bigint CHECK (reserve > 0),
    profile_id integer NOT NULL REFERENCES rule_profiles (id),
    registration_starts timestamptz,
    registration_ends timestamptz,
    deposit_ends timestamptz,
    opens_at timestamptz,
    counted_from timestamptz,
    counted_days integer,
    provisional boolean NOT NULL DEFAULT false,
    extensions integer NOT NULL DEFAULT 0,
    corrections integer NOT NULL DEFAULT 0,
    corrections_passed_on integer NOT NULL DEFAULT 0,
    correction_waits boolean GENERATED ALWAYS AS (corrections <> corrections_passed_on) STORED,
    put_on_at timestamptz,
    alarmed_at timestamptz,
    due_at timestamptz,
    final_price bigint CHECK (final_price > 0),
    relisted_from text REFERENCES listings (lot),
    version integer NOT NULL DEFAULT 1,
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    announced_at timestamptz
);
CREATE INDEX listings_due ON listings (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX listings_provisional ON listings (lot) WHERE provisional;
CREATE INDEX listings_to_pass_on ON listings (lot) WHERE correction_waits;
CREATE INDEX listings_of_transferor ON listings (transferor_id, changed_at DESC);
CREATE INDEX listings_by_state ON listings (state, changed_at DESC);

CREATE TABLE listing_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot text NOT NULL REFERENCES listings (lot),
    act text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    actor_id integer REFERENCES accounts (id),
    reason text NOT NULL DEFAULT '',
    facts jsonb NOT NULL DEFAULT '{{}}'
);
CREATE INDEX listing_events_of_lot ON listing_events (lot, id);

CREATE TABLE announcements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot text NOT NULL REFERENCES listings (lot),
    kind text NOT NULL,
    number text NOT NULL UNIQUE,
    title text NOT NULL,
    facts jsonb NOT NULL,
    published_at timestamptz NOT NULL
);
CREATE INDEX announcements_of_lot ON announcements (lot, id);
CREATE INDEX announcements_latest ON announcements (published_at DESC, id DESC);
"""


_ROLES = "'bidder', 'transferor', 'administrator', 'regulator'"


def _roles(known: str) -> None:
    op.execute("ALTER TABLE accounts DROP CONSTRAINT accounts_role_known")
    op.execute(f"ALTER TABLE accounts ADD CONSTRAINT accounts_role_known CHECK (role IN ({known}))")


def upgrade() -> None:
    _roles(f"{_ROLES}, 'finance'")
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE announcements, listing_events, listings, working_day_overrides, rule_profiles")
    _roles(_ROLES)
