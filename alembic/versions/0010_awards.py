"""Awards, contracts, payments, archives.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
"""


def upgrade() -> None:
    if TABLES.strip():
        op.execute(TABLES)


def downgrade() -> None:
    pass
