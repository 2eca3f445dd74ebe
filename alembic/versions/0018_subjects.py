"""Market subjects: verified names, operators with their authority; applicants without an account.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SUBJECTS = """
-- A number is somebody's only once the identity is checked; until then others may have typed it as well.
ALTER TABLE subjects ADD COLUMN verified_at timestamptz;
ALTER TABLE subjects ADD COLUMN verified_by text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX subjects_verified_once ON subjects (number_mark) WHERE verified_at IS NOT NULL;

-- Who may act for an organization, until when. Name, number, telephone and what was said of the authority are
-- a box; so is the paper (授权委托书).
CREATE TABLE subject_operators (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_id bigint NOT NULL REFERENCES subjects (id),
    login text NOT NULL CHECK (length(login) BETWEEN 2 AND 40),
    account_id integer REFERENCES accounts (id),
    state text NOT NULL CHECK (state IN ('offered', 'standing', 'ended')),
    last_day date NOT NULL,
    box bytea NOT NULL,
    paper bytea,
    paper_type text NOT NULL DEFAULT '',
    made_by integer NOT NULL REFERENCES accounts (id),
    made_at timestamptz NOT NULL,
    taken_at timestamptz,
    ended_by integer REFERENCES accounts (id),
    ended_at timestamptz,
    CHECK ((state = 'standing') <= (account_id IS NOT NULL)),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX subject_operators_once ON subject_operators (subject_id, login) WHERE state <> 'ended';
CREATE INDEX subject_operators_of ON subject_operators (subject_id, id DESC);
CREATE INDEX subject_operators_by_login ON subject_operators (login) WHERE state <> 'ended';

-- What an identity check is about: the number of an order, or "subject 12".
ALTER TABLE identity_checks DROP CONSTRAINT identity_checks_number_fkey;
"""
APPLICANTS = """
-- For whom an account acts, and the telephone that began an order without an account, as a keyed hash.
ALTER TABLE orders ADD COLUMN market_subject bigint REFERENCES subjects (id);
ALTER TABLE orders ADD COLUMN begun_mark text NOT NULL DEFAULT '';
CREATE INDEX orders_of_market_subject ON orders (market_subject, made_at DESC)
    WHERE market_subject IS NOT NULL;
CREATE INDEX orders_by_begun_mark ON orders (begun_mark, made_at DESC) WHERE begun_mark <> '';
"""
CODES = "ALTER TABLE order_codes ADD CONSTRAINT order_codes_purpose_check CHECK (purpose IN ({}))"
CONTACT_CODES = "ALTER TABLE contact_codes ADD CONSTRAINT contact_codes_purpose_check CHECK (purpose IN ({}))"


def _purposes(codes: str, contact_codes: str) -> None:
    op.execute("ALTER TABLE order_codes DROP CONSTRAINT order_codes_purpose_check")
    op.execute(CODES.format(codes))
    op.execute("ALTER TABLE contact_codes DROP CONSTRAINT contact_codes_purpose_check")
    op.execute(CONTACT_CODES.format(contact_codes))


def upgrade() -> None:
    op.execute(SUBJECTS)
    op.execute(APPLICANTS)
    _purposes("'consent', 'query', 'begin'", "'verify', 'recover', 'register'")


def downgrade() -> None:
    op.execute("DELETE FROM order_codes WHERE purpose = 'begin'")
    op.execute("DELETE FROM contact_codes WHERE purpose = 'register'")
    _purposes("'consent', 'query'", "'verify', 'recover'")
    op.execute("ALTER TABLE orders DROP COLUMN begun_mark, DROP COLUMN market_subject")
    op.execute("DELETE FROM identity_checks WHERE number LIKE 'subject %'")
    op.execute(
        "ALTER TABLE identity_checks ADD CONSTRAINT identity_checks_number_fkey"
        " FOREIGN KEY (number) REFERENCES orders (number)"
    )
    op.execute("DROP TABLE subject_operators")
    op.execute("ALTER TABLE subjects DROP COLUMN verified_at, DROP COLUMN verified_by")
