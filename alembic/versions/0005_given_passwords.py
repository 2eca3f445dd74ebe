"""A password that somebody else chose has to be replaced at the next sign-in.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    given = sa.Column("password_given", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("accounts", given)


def downgrade() -> None:
    op.drop_column("accounts", "password_given")
