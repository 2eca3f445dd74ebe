"""Accounts, and the sealed link between persons and paddles.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("login", sa.Text, nullable=False, unique=True),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False, server_default=""),
        sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("login ~ '^[a-z0-9][a-z0-9._-]{1,39}$'", name="accounts_login_form"),
        sa.CheckConstraint(
            "role IN ('bidder', 'transferor', 'administrator', 'regulator')", name="accounts_role_known"
        ),
    )
    op.create_table(
        "paddles",
        sa.Column("lot", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("paddle", sa.Text, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False, server_default="0"),
        sa.UniqueConstraint("lot", "paddle", name="paddles_lot_paddle_key"),
        sa.CheckConstraint("paddle ~ '^[0-9]{4}$'", name="paddles_paddle_form"),
        sa.CheckConstraint("rank BETWEEN 0 AND 99", name="paddles_rank_bounded"),
    )
    op.create_index("paddles_account_id", "paddles", ["account_id"])


def downgrade() -> None:
    op.drop_table("paddles")
    op.drop_table("accounts")
