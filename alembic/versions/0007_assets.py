"""Files of listings: pictures and attachments.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
"""


def upgrade() -> None:
    if TABLES.strip():
        op.execute(TABLES)


def downgrade() -> None:
    pass
