"""What the trading workflow corrects.

Who made an objection before 0012 is known again: a round of the steward gives those rows pseudonyms
(trading.objectors). Times of what bidders did before 0012 are kept to the day, like later ones; not in the
audit log, whose entries nobody changes. Rule profiles have numbers that were constants, or shared.
Instalments that are late have a record of their own.

Revision ID: 0023
Revises: 0022
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

OBJECTORS = """
-- A database that has gone through an earlier 0012 has no such columns any more, and nobody to name.
ALTER TABLE objections DROP COLUMN IF EXISTS owner_mark, ADD COLUMN IF NOT EXISTS objector bytea;
CREATE INDEX objections_unnamed ON objections (id) WHERE objector IS NOT NULL;
"""
WITHOUT_OBJECTORS = """
DROP INDEX objections_unnamed;
ALTER TABLE objections ADD COLUMN IF NOT EXISTS owner_mark text CHECK (owner_mark ~ '^[0-9a-f]{64}$');
"""
_DAY = "date_trunc('day', {0}, 'Asia/Shanghai')"
# (table, columns, which rows). Moments of the money itself stay: finance sees them, and no lot beside them.
BLURRED = (
    ("registrations", ("sealed_at", "made_at", "changed_at"), "true"),
    ("registration_boxes", ("made_at",), "true"),
    ("registration_events", ("at",), "true"),
    ("sub_accounts", ("changed_at",), "version = 1"),
    ("messages", ("at", "read_at"), "registration IS NOT NULL"),
    ("messages", ("at",), "kind = 'objection.made'"),
    ("deliveries", ("made_at", "finished_at"), "registration IS NOT NULL"),
    ("objections", ("made_at",), "true"),
)
# Kept profiles go on as they were: the next bidder had the hours of priority holders; the others stood in
# the code.
FIELDS = """
UPDATE rule_profiles SET fields = jsonb_build_object(
    'next_answer_hours', fields -> 'priority_answer_hours',
    'instalment_grace_days', 30,
    'objection_working_days', 3,
    'defaulter_days', 730
) || fields;
"""
WITHOUT_FIELDS = """
UPDATE rule_profiles SET fields =
    fields - 'next_answer_hours' - 'instalment_grace_days' - 'objection_working_days' - 'defaulter_days';
"""
ARREARS = """
-- An instalment that did not come on its day, as an administrator has noted it; the sale goes on meanwhile.
CREATE TABLE instalment_defaults (
    number text NOT NULL,
    place smallint NOT NULL,
    missing bigint NOT NULL CHECK (missing > 0),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    grace_until date NOT NULL,
    noted_at timestamptz NOT NULL,
    noted_by integer NOT NULL REFERENCES accounts (id),
    alarmed_at timestamptz,
    PRIMARY KEY (number, place),
    FOREIGN KEY (number, place) REFERENCES price_instalments (number, place)
);
CREATE INDEX instalment_defaults_waiting ON instalment_defaults (grace_until) WHERE alarmed_at IS NULL;
"""


def upgrade() -> None:
    op.execute(OBJECTORS)
    for table, columns, which in BLURRED:
        changed = ", ".join(f"{name} = {_DAY.format(name)}" for name in columns)
        op.execute(f"UPDATE {table} SET {changed} WHERE {which}")  # noqa: S608
    op.execute(FIELDS)
    op.execute(ARREARS)


def downgrade() -> None:
    """Times stay as they are."""
    op.execute("DROP TABLE instalment_defaults")
    op.execute(WITHOUT_FIELDS)
    op.execute(WITHOUT_OBJECTORS)
