"""Money taken at the counter by mistake is given back: a row against a row, and a receipt that is void.

Revision ID: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TAKINGS = """
-- The book of the drawers only grows: what is given back is a row of its own, below zero.
ALTER TABLE counter_takings
    DROP CONSTRAINT counter_takings_pkey,
    DROP CONSTRAINT counter_takings_fen_check,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN reverses bigint UNIQUE REFERENCES counter_takings (id),
    ADD COLUMN reason text NOT NULL DEFAULT '',
    ADD CONSTRAINT counter_takings_sign CHECK (fen <> 0 AND (fen < 0) = (reverses IS NOT NULL)),
    ADD CONSTRAINT counter_takings_reason CHECK ((reverses IS NULL) = (reason = ''));
CREATE INDEX counter_takings_of_order ON counter_takings (number);
"""
TAKINGS_BACK = """
DELETE FROM counter_takings WHERE reverses IS NOT NULL
    OR id IN (SELECT reverses FROM counter_takings WHERE reverses IS NOT NULL);
DROP INDEX counter_takings_of_order;
ALTER TABLE counter_takings
    DROP CONSTRAINT counter_takings_sign,
    DROP CONSTRAINT counter_takings_reason,
    DROP COLUMN reason,
    DROP COLUMN reverses,
    DROP COLUMN id,
    ADD PRIMARY KEY (number),
    ADD CONSTRAINT counter_takings_fen_check CHECK (fen > 0);
"""
VOID = """
ALTER TABLE order_receipts DROP CONSTRAINT order_receipts_standing_check;
ALTER TABLE order_receipts ADD CONSTRAINT order_receipts_standing_check CHECK (standing IN ('counted',
    'short', 'held', 'foreign', 'wrong_remark', 'wrong_way', 'doubled', 'late', 'unknown', 'void'));
"""
VOID_BACK = """
UPDATE order_receipts SET standing = 'late' WHERE standing = 'void';
ALTER TABLE order_receipts DROP CONSTRAINT order_receipts_standing_check;
ALTER TABLE order_receipts ADD CONSTRAINT order_receipts_standing_check CHECK (standing IN ('counted',
    'short', 'held', 'foreign', 'wrong_remark', 'wrong_way', 'doubled', 'late', 'unknown'));
"""


def upgrade() -> None:
    op.execute(TAKINGS)
    op.execute(VOID)


def downgrade() -> None:
    op.execute(VOID_BACK)
    op.execute(TAKINGS_BACK)
