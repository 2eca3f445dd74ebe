"""The assistants at which desks write and unlock UKeys: what opens a UKey is encrypted to no other one. What
an authority is being asked for, while no row is locked.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ASSISTANTS = """
CREATE TABLE desk_assistants (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- SM3 over the assistant's public key.
    fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 60),
    counter text NOT NULL CHECK (length(counter) BETWEEN 1 AND 60),
    registered_at timestamptz NOT NULL,
    -- NULL: the demonstration itself.
    registered_by bigint REFERENCES accounts (id),
    ended_at timestamptz,
    ended_by bigint REFERENCES accounts (id),
    reason text NOT NULL DEFAULT '',
    CHECK ((ended_at IS NULL) = (reason = '') AND (ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX desk_assistants_registered ON desk_assistants (fingerprint) WHERE ended_at IS NULL;
"""
QUESTIONS = """
-- What an authority is being asked for (a box); NULL: nothing, or its answer is kept.
ALTER TABLE authority_requests ADD COLUMN question bytea;
CREATE INDEX authority_requests_unsettled ON authority_requests (id)
    WHERE state = 'abandoned' AND question IS NOT NULL;
"""
TRIES = """
-- How often the authority was asked and did not do it; NULL: it was not put off.
ALTER TABLE authority_requests ADD COLUMN tries integer NOT NULL DEFAULT 0, ADD COLUMN next_at timestamptz;
"""
CARDS = "CREATE INDEX issued_certificates_card ON issued_certificates (crypto_card);"


def upgrade() -> None:
    op.execute(ASSISTANTS)
    op.execute(QUESTIONS)
    op.execute(TRIES)
    op.execute(CARDS)


def downgrade() -> None:
    op.execute("DROP INDEX issued_certificates_card")
    op.execute("ALTER TABLE authority_requests DROP COLUMN tries, DROP COLUMN next_at")
    op.execute("ALTER TABLE authority_requests DROP COLUMN question")
    op.execute("DROP TABLE desk_assistants")
