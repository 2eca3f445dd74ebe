"""Messages, contacts, the audit log, objections.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
"""


def upgrade() -> None:
    if TABLES.strip():
        op.execute(TABLES)


def downgrade() -> None:
    pass
