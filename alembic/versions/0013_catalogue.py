"""The catalogue of certificate services: authorities and channels, each as versions of a text.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CATALOGUE = """
-- `content` is TOML as an administrator sees it; certificates/catalogue/reading.py is its schema.
CREATE TABLE catalogue_versions (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('channel', 'authorities')),
    key text NOT NULL CHECK (key ~ '^[a-z][a-z0-9_]{1,39}$'),
    version integer NOT NULL CHECK (version > 0),
    state text NOT NULL CHECK (state IN ('draft', 'published', 'retired')),
    content text NOT NULL CHECK (octet_length(content) <= 262144),
    made_by integer REFERENCES accounts (id),
    made_at timestamptz NOT NULL,
    published_by integer REFERENCES accounts (id),
    published_at timestamptz,
    UNIQUE (key, version),
    CHECK ((kind = 'authorities') = (key = 'authorities')),
    CHECK ((state = 'draft') = (published_at IS NULL)),
    CHECK (published_by IS NULL OR published_by IS DISTINCT FROM made_by)
);
CREATE UNIQUE INDEX catalogue_draft ON catalogue_versions (key) WHERE state = 'draft';
CREATE UNIQUE INDEX catalogue_published ON catalogue_versions (key) WHERE state = 'published';
"""


def upgrade() -> None:
    op.execute(CATALOGUE)


def downgrade() -> None:
    op.execute("DROP TABLE catalogue_versions")
