"""Awards, contracts, payments, archives; documents of a sale of several kinds.

A negotiated sale has no auction, so a document's lot need not be in `lots`; what was refused or voided may be
made again, so that a lot has one document of a kind among those that stand.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ENDED = "('refused', 'void')"
_DIGEST = "~ '^[0-9a-f]{64}$'"
DOCUMENTS = f"""
ALTER TABLE sale_documents DROP CONSTRAINT sale_documents_lot_fkey;
ALTER TABLE sale_documents DROP CONSTRAINT sale_documents_lot_key;
ALTER TABLE sale_documents ADD COLUMN paper text NOT NULL DEFAULT 'confirmation'
    CHECK (paper IN ('confirmation', 'contract', 'award', 'certificate'));
ALTER TABLE sale_documents ADD COLUMN remake boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX sale_documents_one_that_stands ON sale_documents (lot, paper)
    WHERE state NOT IN {_ENDED};
CREATE INDEX sale_documents_of_lot ON sale_documents (lot, id);
"""
TABLES = f"""
CREATE TABLE awards (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot text NOT NULL REFERENCES listings (lot),
    round integer NOT NULL CHECK (round BETWEEN 1 AND 5000),
    source text NOT NULL CHECK (source IN ('auction', 'next_bidder', 'priority', 'negotiation')),
    registration text NOT NULL DEFAULT '',
    account_id integer NOT NULL REFERENCES accounts (id),
    transferee text NOT NULL CHECK (transferee <> ''),
    paddle text NOT NULL DEFAULT '',
    price bigint NOT NULL CHECK (price > 0),
    state text NOT NULL CHECK (state IN ('review', 'awarded', 'refused', 'defaulted')),
    reason text NOT NULL DEFAULT '',
    number text UNIQUE,
    ledger_head text NOT NULL DEFAULT '',
    ledger_count integer NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by integer REFERENCES accounts (id),
    UNIQUE (lot, round),
    CHECK ((state = 'review') = (decided_at IS NULL)),
    CHECK (state IN ('review', 'awarded') OR reason <> ''),
    CHECK (state IN ('review', 'refused') OR number IS NOT NULL)
);
CREATE UNIQUE INDEX awards_one_that_stands ON awards (lot) WHERE state IN ('review', 'awarded');
CREATE INDEX awards_of_account ON awards (account_id, opened_at DESC);

CREATE TABLE priority_offers (
    lot text NOT NULL REFERENCES listings (lot),
    paddle text NOT NULL,
    rank integer NOT NULL CHECK (rank > 0),
    registration text NOT NULL DEFAULT '',
    account_id integer NOT NULL REFERENCES accounts (id),
    price bigint NOT NULL CHECK (price > 0),
    asked_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    answer text NOT NULL DEFAULT 'asked' CHECK (answer IN ('asked', 'taken', 'declined', 'timed_out')),
    answered_at timestamptz,
    PRIMARY KEY (lot, paddle),
    CHECK ((answer = 'asked') = (answered_at IS NULL))
);
CREATE UNIQUE INDEX priority_offers_one_asked ON priority_offers (lot) WHERE answer = 'asked';
CREATE INDEX priority_offers_due ON priority_offers (due_at) WHERE answer = 'asked';
CREATE INDEX priority_offers_of_account ON priority_offers (account_id) WHERE answer = 'asked';

-- What was told to the money about a lot's deposits, each once: who is not held any more.
CREATE TABLE settled_deposits (
    lot text NOT NULL REFERENCES listings (lot),
    step text NOT NULL CHECK (step IN ('others', 'all', 'forfeit', 'credit')),
    at timestamptz NOT NULL,
    PRIMARY KEY (lot, step)
);

CREATE TABLE agreed_prices (
    lot text PRIMARY KEY REFERENCES listings (lot),
    price bigint NOT NULL CHECK (price > 0),
    decision text NOT NULL CHECK (decision {_DIGEST}),
    decision_size integer NOT NULL CHECK (decision_size > 0),
    decision_name text NOT NULL,
    note text NOT NULL DEFAULT '',
    agreed_at timestamptz NOT NULL,
    agreed_by integer NOT NULL REFERENCES accounts (id)
);

CREATE TABLE contract_versions (
    lot text NOT NULL REFERENCES listings (lot),
    version integer NOT NULL CHECK (version BETWEEN 1 AND 50),
    edit integer NOT NULL DEFAULT 1,
    source text NOT NULL CHECK (source IN ('template', 'upload')),
    fields jsonb NOT NULL DEFAULT '{{}}',
    digest text NOT NULL DEFAULT '' CHECK (digest = '' OR digest {_DIGEST}),
    size integer NOT NULL DEFAULT 0 CHECK (size >= 0),
    shown boolean NOT NULL DEFAULT false CHECK (NOT shown OR digest <> ''),
    document_id integer REFERENCES sale_documents (id),
    made_at timestamptz NOT NULL,
    made_by integer NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (lot, version)
);

CREATE TABLE contract_comments (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot text NOT NULL,
    version integer NOT NULL,
    account_id integer NOT NULL REFERENCES accounts (id),
    party text NOT NULL,
    body text NOT NULL CHECK (body <> ''),
    at timestamptz NOT NULL,
    FOREIGN KEY (lot, version) REFERENCES contract_versions (lot, version)
);
CREATE INDEX contract_comments_of_lot ON contract_comments (lot, id);

CREATE TABLE handovers (
    lot text PRIMARY KEY REFERENCES listings (lot),
    version integer NOT NULL DEFAULT 1,
    happened_on date NOT NULL,
    place text NOT NULL,
    items text NOT NULL,
    made_at timestamptz NOT NULL,
    made_by integer NOT NULL REFERENCES accounts (id),
    confirmed_at timestamptz,
    confirmed_by integer REFERENCES accounts (id),
    objection text NOT NULL DEFAULT '',
    CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL))
);

CREATE TABLE archives (
    lot text PRIMARY KEY REFERENCES listings (lot),
    manifest text NOT NULL CHECK (manifest {_DIGEST}),
    seal text NOT NULL CHECK (seal {_DIGEST}),
    entries integer NOT NULL CHECK (entries > 0),
    size bigint NOT NULL CHECK (size > 0),
    made_at timestamptz NOT NULL
);

CREATE TABLE archive_entries (
    lot text NOT NULL REFERENCES listings (lot),
    path text NOT NULL,
    digest text NOT NULL CHECK (digest {_DIGEST}),
    size bigint NOT NULL CHECK (size >= 0),
    audience text NOT NULL CHECK (audience IN ('all', 'parties', 'transferee', 'transferor', 'overseers')),
    box text NOT NULL DEFAULT '',
    PRIMARY KEY (lot, path)
);
"""
NEW = "archive_entries, archives, handovers, contract_comments, contract_versions, agreed_prices"


def upgrade() -> None:
    op.execute(DOCUMENTS)
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(f"DROP TABLE {NEW}, settled_deposits, priority_offers, awards")
    op.execute(
        "DELETE FROM sale_versions WHERE document_id IN (SELECT id FROM sale_documents"
        " WHERE paper <> 'confirmation')"
    )
    op.execute("DELETE FROM sale_documents WHERE paper <> 'confirmation'")
    op.execute("ALTER TABLE sale_documents DROP COLUMN paper, DROP COLUMN remake")
