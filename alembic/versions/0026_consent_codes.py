"""A code or a signature with which somebody consents is for the order as it was when it was asked for.

Revision ID: 0026
Revises: 0025
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE order_codes ADD COLUMN version integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE order_signatures ADD COLUMN version integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE order_signatures DROP COLUMN version")
    op.execute("ALTER TABLE order_codes DROP COLUMN version")
