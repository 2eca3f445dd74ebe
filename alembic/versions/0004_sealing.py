"""UKeys that are bound to accounts; documents of a sale, each of their versions, and who has to seal next.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_DIGEST = "~ '^[0-9a-f]{64}$'"


def upgrade() -> None:
    _ukeys()
    _sale_documents()
    _sale_versions()


def _ukeys() -> None:
    op.create_table(
        "ukeys",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("certificate", sa.LargeBinary, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("seal_name", sa.Text, nullable=False),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("valid_until", _MOMENT, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("bound_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("confirmed_at", _MOMENT),
        sa.Column("confirmed_by", sa.Integer, sa.ForeignKey("accounts.id")),
        sa.Column("ended_at", _MOMENT),
        sa.Column("ended_by", sa.Integer, sa.ForeignKey("accounts.id")),
        sa.CheckConstraint("state IN ('pending', 'confirmed', 'ended')", name="ukeys_state_known"),
        sa.CheckConstraint(f"fingerprint {_DIGEST}", name="ukeys_fingerprint_form"),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL)"
            " AND (state <> 'confirmed' OR confirmed_at IS NOT NULL)",
            name="ukeys_state_dated",
        ),
    )
    # One certificate stands for one account at a time.
    op.create_index(
        "ukeys_one_account_each",
        "ukeys",
        ["fingerprint"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index("ukeys_account_id", "ukeys", ["account_id"])
    op.create_index("ukeys_state", "ukeys", ["state", "bound_at"])


def _sale_documents() -> None:
    op.create_table(
        "sale_documents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("lot", sa.Text, sa.ForeignKey("lots.id"), nullable=False, unique=True),
        sa.Column("number", sa.Text, nullable=False, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("transferee_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("transferor_id", sa.Integer, sa.ForeignKey("accounts.id")),
        sa.Column("transferee", sa.Text, nullable=False),
        sa.Column("transferor", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("changed_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("ended_by", sa.Integer, sa.ForeignKey("accounts.id")),
        sa.CheckConstraint(
            "state IN ('awaiting_transferee', 'awaiting_transferor', 'awaiting_platform', 'sealed',"
            " 'refused', 'void')",
            name="sale_documents_state_known",
        ),
        sa.CheckConstraint(
            "(state IN ('refused', 'void')) = (reason <> '')", name="sale_documents_ended_with_reason"
        ),
        sa.CheckConstraint("price > 0", name="sale_documents_price_positive"),
    )
    for column in ("transferee_id", "transferor_id", "state"):
        op.create_index(f"sale_documents_{column}", "sale_documents", [column, "changed_at"])


def _sale_versions() -> None:
    op.create_table(
        "sale_versions",
        sa.Column("document_id", sa.Integer, sa.ForeignKey("sale_documents.id"), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("sealed_by", sa.Text, nullable=False, server_default=""),
        sa.Column("ukey_id", sa.Integer, sa.ForeignKey("ukeys.id")),
        sa.CheckConstraint("version BETWEEN 0 AND 99 AND size > 0", name="sale_versions_bounded"),
        # Version 0 has no seal; every later one is what came before with one party's seal more.
        sa.CheckConstraint("(version = 0) = (sealed_by = '')", name="sale_versions_sealed_by_somebody"),
        sa.UniqueConstraint("document_id", "kind", "sealed_by", name="sale_versions_one_seal_a_party"),
        sa.CheckConstraint("kind IN ('pdf', 'ofd')", name="sale_versions_kind_known"),
        sa.CheckConstraint(f"digest {_DIGEST}", name="sale_versions_digest_form"),
        sa.CheckConstraint(
            "sealed_by IN ('', 'transferee', 'transferor', 'platform')", name="sale_versions_party_known"
        ),
    )


def downgrade() -> None:
    op.drop_table("sale_versions")
    op.drop_table("sale_documents")
    op.drop_table("ukeys")
