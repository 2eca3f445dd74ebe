"""What an order knows of the certificate and the UKey it is for: circumstances, signatures, checked seals.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

CIRCUMSTANCES = """
-- What is so in this order and not in another, as certificates/catalogue/scope.py names it.
ALTER TABLE orders ADD COLUMN circumstances text[] NOT NULL DEFAULT '{}';
ALTER TABLE order_codes DROP CONSTRAINT order_codes_purpose_check;
ALTER TABLE order_codes ADD CONSTRAINT order_codes_purpose_check
    CHECK (purpose IN ('consent', 'query', 'begin', 'choose', 'unlock'));
"""
SIGNATURES = """
-- Consent by the UKey that is held. The statement is the UKey's own; `digest`: SM3 over the text it is about.
CREATE TABLE order_signatures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL REFERENCES orders (number),
    serial text NOT NULL,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    statement bytea NOT NULL,
    made_at timestamptz NOT NULL
);
CREATE INDEX order_signatures_of ON order_signatures (number, id DESC);
"""
SEALS = """
-- A seal that was held against GB/T 38540: what was found, as words of certificates/seal_standard.py.
CREATE TABLE seal_checks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL REFERENCES orders (number),
    serial text NOT NULL,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    found text[] NOT NULL,
    made_at timestamptz NOT NULL
);
CREATE INDEX seal_checks_of ON seal_checks (number, id DESC);
"""


def upgrade() -> None:
    op.execute(CIRCUMSTANCES)
    op.execute(SIGNATURES)
    op.execute(SEALS)


def downgrade() -> None:
    op.execute("DROP TABLE seal_checks, order_signatures")
    op.execute("DELETE FROM order_codes WHERE purpose IN ('choose', 'unlock')")
    op.execute("ALTER TABLE order_codes DROP CONSTRAINT order_codes_purpose_check")
    op.execute(
        "ALTER TABLE order_codes ADD CONSTRAINT order_codes_purpose_check"
        " CHECK (purpose IN ('consent', 'query', 'begin'))"
    )
    op.execute("ALTER TABLE orders DROP COLUMN circumstances")
