"""What the desk can change by itself: the reasons for refusing an item, as versions beside the channels; that
an order was begun outside the counter's hours; a day's closing that is taken back.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

REASONS = """
ALTER TABLE catalogue_versions
    DROP CONSTRAINT catalogue_versions_kind_check,
    DROP CONSTRAINT catalogue_versions_check,
    ADD CONSTRAINT catalogue_versions_kind CHECK (kind IN ('channel', 'authorities', 'reasons')),
    ADD CONSTRAINT catalogue_versions_key CHECK
        (CASE WHEN kind = 'channel' THEN key NOT IN ('authorities', 'reasons') ELSE key = kind END);
"""
CHANNELS_ONLY = """
DELETE FROM catalogue_versions WHERE kind = 'reasons';
ALTER TABLE catalogue_versions
    DROP CONSTRAINT catalogue_versions_kind,
    DROP CONSTRAINT catalogue_versions_key,
    ADD CONSTRAINT catalogue_versions_kind_check CHECK (kind IN ('channel', 'authorities')),
    ADD CONSTRAINT catalogue_versions_check CHECK ((kind = 'authorities') = (key = 'authorities'));
"""
HOURS = """
-- Why somebody was served outside the counter's hours: "" within them.
ALTER TABLE walk_ins ADD COLUMN outside text NOT NULL DEFAULT ''
    CHECK (outside IN ('', 'before', 'after', 'break', 'day_off'));
-- Since when this clerk types it in.
ALTER TABLE walk_ins ADD COLUMN taken_at timestamptz;
UPDATE walk_ins SET taken_at = at;
ALTER TABLE walk_ins ALTER COLUMN taken_at SET NOT NULL;
"""
CLOSINGS = """
-- A closing that was wrong is taken back, with its reason, and done again.
ALTER TABLE counter_closings
    DROP CONSTRAINT counter_closings_pkey,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN reversed_at timestamptz,
    ADD COLUMN reversal text NOT NULL DEFAULT '',
    ADD CONSTRAINT counter_closings_reversal CHECK ((reversed_at IS NULL) = (reversal = ''));
CREATE UNIQUE INDEX counter_closings_standing ON counter_closings (day, clerk_id) WHERE reversed_at IS NULL;
"""
CLOSED_ONCE = """
DELETE FROM counter_closings WHERE reversed_at IS NOT NULL;
DROP INDEX counter_closings_standing;
ALTER TABLE counter_closings
    DROP COLUMN id,
    DROP COLUMN reversed_at,
    DROP COLUMN reversal,
    ADD PRIMARY KEY (day, clerk_id);
"""


def upgrade() -> None:
    op.execute(REASONS)
    op.execute(HOURS)
    op.execute(CLOSINGS)


def downgrade() -> None:
    op.execute(CLOSED_ONCE)
    op.execute("ALTER TABLE walk_ins DROP COLUMN taken_at, DROP COLUMN outside")
    op.execute(CHANNELS_ONLY)
