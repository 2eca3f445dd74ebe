"""Requests to the certificate authority, and the certificates that were issued: who holds what.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ISSUING = """
-- What the web asks of the process that has the authority's key. Answers are boxes.
CREATE TABLE authority_requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('certificate', 'revocation', 'authorization')),
    number text NOT NULL REFERENCES orders (number),
    state text NOT NULL DEFAULT 'asked'
        CHECK (state IN ('asked', 'answered', 'refused', 'written', 'abandoned')),
    -- the key of a request, the certificate of a revocation, the assistant of an authorization: asked once
    about text NOT NULL,
    content bytea NOT NULL DEFAULT '',
    card text NOT NULL DEFAULT '',
    medium text NOT NULL DEFAULT '',
    serial text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    refusal text NOT NULL DEFAULT '',
    answer bytea,
    asked_at timestamptz NOT NULL,
    answered_at timestamptz,
    ended_at timestamptz,
    CHECK (state <> 'refused' OR refusal <> '')
);
CREATE UNIQUE INDEX authority_requests_once ON authority_requests (number, kind, about)
    WHERE state IN ('asked', 'answered');
CREATE INDEX authority_requests_asked ON authority_requests (id) WHERE state = 'asked';
CREATE INDEX authority_requests_of ON authority_requests (number, id DESC);

CREATE TABLE issued_certificates (
    serial text PRIMARY KEY CHECK (serial ~ '^[0-9a-f]{1,40}$'),
    fingerprint text NOT NULL UNIQUE CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    request_id bigint NOT NULL UNIQUE REFERENCES authority_requests (id),
    number text NOT NULL REFERENCES orders (number),
    account_id integer REFERENCES accounts (id),
    state text NOT NULL DEFAULT 'made' CHECK (state IN ('made', 'written', 'followed', 'revoked')),
    channel text NOT NULL,
    authority text NOT NULL,
    subject text NOT NULL,
    product text NOT NULL DEFAULT '',
    medium text NOT NULL,
    crypto_card text NOT NULL,
    follows text NOT NULL DEFAULT '',
    valid_from timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    -- certificate, chain and seal: they name a person
    box bytea NOT NULL,
    made_at timestamptz NOT NULL,
    written_at timestamptz,
    revoked_at timestamptz,
    reason text NOT NULL DEFAULT '',
    CHECK ((state = 'revoked') = (revoked_at IS NOT NULL)),
    CHECK (valid_from < valid_until)
);
CREATE INDEX issued_certificates_of_account ON issued_certificates (account_id, made_at DESC);
CREATE INDEX issued_certificates_of_order ON issued_certificates (number);
CREATE INDEX issued_certificates_ending ON issued_certificates (valid_until) WHERE state = 'written';
"""


def upgrade() -> None:
    op.execute(ISSUING)


def downgrade() -> None:
    op.execute("DROP TABLE issued_certificates, authority_requests")
