"""How an issued certificate gets into its UKey, and the first PIN to its holder.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KINDS = "CHECK (kind IN ('certificate', 'revocation', 'authorization', 'first_pin'))"
KINDS_BEFORE = "CHECK (kind IN ('certificate', 'revocation', 'authorization'))"
PINS = """
-- The PIN of a new UKey, from when it is drawn until its holder has it. The box is emptied then.
CREATE TABLE first_pins (
    -- of the certificate that the UKey gets
    request_id bigint PRIMARY KEY REFERENCES authority_requests (id),
    number text NOT NULL REFERENCES orders (number),
    card text NOT NULL,
    box bytea,
    drawn_at timestamptz NOT NULL,
    -- the UKey's receipt came: it has this PIN
    set_at timestamptz,
    sends integer NOT NULL DEFAULT 0 CHECK (sends >= 0),
    sent_at timestamptz,
    -- why it could not be sent the last time; '' when it could
    fault text NOT NULL DEFAULT '',
    emptied_at timestamptz,
    CHECK ((box IS NULL) = (emptied_at IS NOT NULL)),
    CHECK ((sends > 0) = (sent_at IS NOT NULL))
);
CREATE INDEX first_pins_waiting ON first_pins (request_id) WHERE box IS NOT NULL;
CREATE INDEX first_pins_of ON first_pins (number, request_id DESC);
"""


def upgrade() -> None:
    _kinds(KINDS)
    op.execute(PINS)


def downgrade() -> None:
    op.execute("DROP TABLE first_pins")
    op.execute("DELETE FROM authority_requests WHERE kind = 'first_pin'")
    _kinds(KINDS_BEFORE)


def _kinds(check: str) -> None:
    op.execute("ALTER TABLE authority_requests DROP CONSTRAINT authority_requests_kind_check")
    op.execute(f"ALTER TABLE authority_requests ADD CONSTRAINT authority_requests_kind_check {check}")
