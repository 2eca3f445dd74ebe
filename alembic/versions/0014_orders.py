"""Orders for certificate services, market subjects, the role of the clerk.

What an applicant filled in and uploaded are boxes: personal data. The columns hold what the work needs.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SUBJECTS = """
-- Who takes part in trading: organizations and persons, each registered by an account.
CREATE TABLE subjects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL UNIQUE REFERENCES accounts (id),
    kind text NOT NULL CHECK (kind IN ('organization', 'natural_person')),
    number_mark text NOT NULL CHECK (number_mark ~ '^[0-9a-f]{64}$'),
    box bytea NOT NULL,
    version integer NOT NULL DEFAULT 1,
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX subjects_by_number ON subjects (number_mark);

CREATE TABLE subject_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_id bigint NOT NULL REFERENCES subjects (id),
    act text NOT NULL,
    by_account integer REFERENCES accounts (id),
    at timestamptz NOT NULL,
    fields text[] NOT NULL DEFAULT '{}',
    box bytea NOT NULL
);
CREATE INDEX subject_events_of ON subject_events (subject_id, id DESC);
"""
ORDERS = """
CREATE TABLE orders (
    number text PRIMARY KEY CHECK (number ~ '^[0-9]{8}[0-9A-Z]{8}$'),
    account_id integer REFERENCES accounts (id),
    channel text NOT NULL,
    catalogue_id bigint NOT NULL,
    service text NOT NULL,
    subject text NOT NULL CHECK (subject IN ('organization', 'legal_representative', 'natural_person')),
    way text NOT NULL,
    authority text NOT NULL DEFAULT '',
    product text NOT NULL DEFAULT '',
    years integer NOT NULL DEFAULT 0 CHECK (years BETWEEN 0 AND 10),
    about_certificate text NOT NULL DEFAULT '',
    state text NOT NULL,
    -- what the channel asked for when the order began: it stays so, whatever is published later
    steps text[] NOT NULL,
    materials text[] NOT NULL DEFAULT '{}',
    checks text[] NOT NULL DEFAULT '{}',
    four_eyes boolean NOT NULL DEFAULT false,
    automatic boolean NOT NULL DEFAULT false,
    done text[] NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    number_mark text NOT NULL DEFAULT '',
    contact_mark text NOT NULL DEFAULT '',
    -- the price as it was when it was confirmed, by part, fen
    price jsonb NOT NULL DEFAULT '[]',
    price_fen bigint NOT NULL DEFAULT 0 CHECK (price_fen >= 0),
    paid_fen bigint NOT NULL DEFAULT 0 CHECK (paid_fen >= 0),
    payment_way text NOT NULL DEFAULT '',
    refund_due boolean NOT NULL DEFAULT false,
    pin_way text NOT NULL DEFAULT '',
    collected boolean NOT NULL DEFAULT false,
    courier text NOT NULL DEFAULT '',
    tracking text NOT NULL DEFAULT '',
    medium text NOT NULL DEFAULT '',
    crypto_card text NOT NULL DEFAULT '',
    certificate text NOT NULL DEFAULT '',
    invoice text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    worked_by integer REFERENCES accounts (id),
    worked_until timestamptz,
    approved_first_by integer REFERENCES accounts (id),
    review_since timestamptz,
    review_due timestamptz,
    made_at timestamptz NOT NULL,
    submitted_at timestamptz,
    changed_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX orders_of_account ON orders (account_id, made_at DESC) WHERE account_id IS NOT NULL;
CREATE INDEX orders_by_number_mark ON orders (number_mark, made_at DESC) WHERE number_mark <> '';
CREATE INDEX orders_by_state ON orders (state, review_due, changed_at);

CREATE TABLE order_boxes (
    number text NOT NULL REFERENCES orders (number),
    name text NOT NULL,
    box bytea NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (number, name)
);

CREATE TABLE order_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL REFERENCES orders (number),
    act text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    actor_id integer REFERENCES accounts (id),
    reason text NOT NULL DEFAULT '',
    facts jsonb NOT NULL DEFAULT '{}',
    sms_due boolean NOT NULL DEFAULT false
);
CREATE INDEX order_events_of ON order_events (number, id);
CREATE INDEX order_events_to_tell ON order_events (id) WHERE sms_due;

-- The content of each is the box of the same name; `seen` is what the review said of this very file.
CREATE TABLE order_materials (
    id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{16}$'),
    number text NOT NULL REFERENCES orders (number),
    kind text NOT NULL,
    media_type text NOT NULL,
    size integer NOT NULL CHECK (size > 0),
    width integer NOT NULL DEFAULT 0,
    height integer NOT NULL DEFAULT 0,
    remarks text[] NOT NULL DEFAULT '{}',
    seen text NOT NULL DEFAULT '' CHECK (seen IN ('', 'accepted', 'refused')),
    reason text NOT NULL DEFAULT '',
    added_at timestamptz NOT NULL,
    replaced_at timestamptz
);
CREATE INDEX order_materials_of ON order_materials (number, added_at);

CREATE TABLE order_agreements (
    number text NOT NULL REFERENCES orders (number),
    agreement text NOT NULL,
    version text NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (number, agreement, version)
);

-- One-time codes: consent to an order, and the query without an account. The address is a keyed hash.
CREATE TABLE order_codes (
    ticket text PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('consent', 'query')),
    bound_to text NOT NULL,
    address_mark text NOT NULL,
    code_hash text NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX order_codes_of_address ON order_codes (address_mark, made_at DESC);
CREATE INDEX order_codes_of ON order_codes (bound_to, made_at DESC);
CREATE INDEX order_codes_old ON order_codes (expires_at);

CREATE TABLE identity_checks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL REFERENCES orders (number),
    person text NOT NULL,
    way text NOT NULL,
    reference text NOT NULL DEFAULT '',
    state text NOT NULL CHECK (state IN ('asked', 'passed', 'failed', 'stale')),
    fault text NOT NULL DEFAULT '',
    remark_hash text NOT NULL DEFAULT '',
    tries integer NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX identity_checks_of ON identity_checks (number, id DESC);
"""
_ROLES = "'bidder', 'transferor', 'administrator', 'regulator', 'finance'"


def _roles(known: str) -> None:
    op.execute("ALTER TABLE accounts DROP CONSTRAINT accounts_role_known")
    op.execute(f"ALTER TABLE accounts ADD CONSTRAINT accounts_role_known CHECK (role IN ({known}))")


def upgrade() -> None:
    _roles(f"{_ROLES}, 'clerk'")
    op.execute(SUBJECTS)
    op.execute(ORDERS)


def downgrade() -> None:
    op.execute(
        "DROP TABLE identity_checks, order_codes, order_agreements, order_materials, order_events,"
        " order_boxes, orders, subject_events, subjects"
    )
    _roles(_ROLES)
