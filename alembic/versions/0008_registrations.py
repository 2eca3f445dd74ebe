"""Registrations, joint purchases, priority holders, the sealed links.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
"""


def upgrade() -> None:
    if TABLES.strip():
        op.execute(TABLES)


def downgrade() -> None:
    pass
