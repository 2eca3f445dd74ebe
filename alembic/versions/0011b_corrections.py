"""Lists of all listings go along an index; invoices are corrected by others, and never edited.

Revision ID: 0011b
Revises: 0011
"""

from alembic import op

revision = "0011b"
down_revision = "0011"
branch_labels = None
depends_on = None

LISTINGS = """
CREATE INDEX listings_changed ON listings (changed_at DESC, lot) WHERE state <> 'draft';
"""


def upgrade() -> None:
    op.execute(LISTINGS)


def downgrade() -> None:
    op.execute("DROP INDEX listings_changed")
