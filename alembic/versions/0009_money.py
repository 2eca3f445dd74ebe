"""Bank statements, sub-accounts, deposits, refunds, the journal.

No table here names a lot beside a person before the close: a sub-account says who is to pay, and only the
sealed process knows whose registration it is. `price_accounts` are made after the award, when the winner
is public.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BANKING = """
CREATE TABLE bank_statements (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bank text NOT NULL,
    file_name text NOT NULL,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    row_count integer NOT NULL,
    fault_count integer NOT NULL,
    state text NOT NULL CHECK (state IN ('previewed', 'imported')),
    taken integer NOT NULL DEFAULT 0,
    known integer NOT NULL DEFAULT 0,
    uploaded_by integer REFERENCES accounts (id),
    uploaded_at timestamptz NOT NULL,
    imported_by integer REFERENCES accounts (id),
    imported_at timestamptz,
    UNIQUE (bank, digest),
    CHECK ((state = 'imported') = (imported_at IS NOT NULL))
);

CREATE TABLE bank_transactions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bank text NOT NULL,
    serial text NOT NULL CHECK (length(serial) BETWEEN 1 AND 80),
    amount bigint NOT NULL CHECK (amount <> 0),
    value_time timestamptz NOT NULL,
    payer_name text NOT NULL,
    payer_key text NOT NULL,
    payer_account text NOT NULL,
    payer_bank text NOT NULL,
    sub_account text NOT NULL,
    remark text NOT NULL,
    source text NOT NULL CHECK (source IN ('statement', 'notification')),
    statement_id integer REFERENCES bank_statements (id),
    received_at timestamptz NOT NULL,
    UNIQUE (bank, serial)
);
CREATE INDEX bank_transactions_sub_account ON bank_transactions (sub_account) WHERE sub_account <> '';
CREATE INDEX bank_transactions_payer ON bank_transactions (payer_key text_pattern_ops);
CREATE INDEX bank_transactions_value_time ON bank_transactions (value_time);

CREATE TABLE bank_nonces (
    bank text NOT NULL,
    nonce text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (bank, nonce)
);
CREATE INDEX bank_nonces_at ON bank_nonces (at);

CREATE TABLE statement_marks (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    until timestamptz NOT NULL,
    marked_by integer REFERENCES accounts (id),
    marked_at timestamptz NOT NULL
);
CREATE INDEX statement_marks_until ON statement_marks (until);
"""

JOURNAL = """
CREATE TABLE journal_postings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference text NOT NULL UNIQUE,
    text text NOT NULL,
    at timestamptz NOT NULL,
    line_count smallint NOT NULL CHECK (line_count BETWEEN 2 AND 1000)
);

CREATE TABLE journal_lines (
    posting_id bigint NOT NULL REFERENCES journal_postings (id),
    line smallint NOT NULL,
    ledger text NOT NULL,
    detail text NOT NULL,
    fen bigint NOT NULL CHECK (fen <> 0),
    PRIMARY KEY (posting_id, line)
);
CREATE INDEX journal_lines_of_account ON journal_lines (ledger, detail, posting_id);

CREATE FUNCTION journal_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is only added to' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER journal_postings_only_grow BEFORE UPDATE OR DELETE ON journal_postings
    FOR EACH STATEMENT EXECUTE FUNCTION journal_only_grows();
CREATE TRIGGER journal_lines_only_grow BEFORE UPDATE OR DELETE ON journal_lines
    FOR EACH STATEMENT EXECUTE FUNCTION journal_only_grows();
CREATE TRIGGER bank_transactions_only_grow BEFORE UPDATE OR DELETE ON bank_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION journal_only_grows();

-- All lines of a posting come in one statement and sum to zero; a line cannot be added later.
CREATE FUNCTION journal_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong bigint;
BEGIN
    SELECT p.id INTO wrong FROM (SELECT DISTINCT posting_id FROM added) AS touched
    JOIN journal_postings p ON p.id = touched.posting_id JOIN journal_lines l ON l.posting_id = p.id
    GROUP BY p.id, p.line_count HAVING sum(l.fen) <> 0 OR count(*) <> p.line_count LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'posting % does not balance or is not whole', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_lines_balance AFTER INSERT ON journal_lines
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION journal_balances();
"""

DEPOSITS = """
CREATE TABLE sub_accounts (
    sub_account text PRIMARY KEY CHECK (sub_account ~ '^[0-9]{18}$'),
    bank text NOT NULL,
    due bigint NOT NULL CHECK (due >= 0),
    payer_name text NOT NULL,
    payer_key text NOT NULL,
    state text NOT NULL,
    disposition text NOT NULL DEFAULT 'held'
        CHECK (disposition IN ('held', 'released', 'credited', 'forfeited')),
    taken bigint NOT NULL DEFAULT 0 CHECK (taken >= 0),
    reason text NOT NULL DEFAULT '',
    decided_on date,
    refund_days smallint NOT NULL DEFAULT 5,
    enough boolean NOT NULL DEFAULT false,
    told_enough boolean,
    judged boolean NOT NULL DEFAULT true,
    version integer NOT NULL DEFAULT 1,
    made_on date NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX sub_accounts_by_state ON sub_accounts (state, changed_at DESC, sub_account);
CREATE INDEX sub_accounts_changed ON sub_accounts (changed_at DESC, sub_account);
CREATE INDEX sub_accounts_payer ON sub_accounts (payer_key text_pattern_ops);
CREATE INDEX sub_accounts_unjudged ON sub_accounts (sub_account) WHERE NOT judged;
CREATE INDEX sub_accounts_untold ON sub_accounts (sub_account) WHERE told_enough IS DISTINCT FROM enough;

CREATE TABLE price_accounts (
    number text PRIMARY KEY CHECK (number ~ '^[0-9]{18}$'),
    lot text NOT NULL UNIQUE,
    bank text NOT NULL,
    payer_name text NOT NULL,
    payer_key text NOT NULL,
    price bigint NOT NULL CHECK (price > 0),
    fee bigint NOT NULL DEFAULT 0 CHECK (fee >= 0),
    fee_permille integer NOT NULL DEFAULT 0,
    title text NOT NULL DEFAULT '',
    credited bigint NOT NULL DEFAULT 0 CHECK (credited >= 0),
    deposit_account text NOT NULL DEFAULT '',
    due_on date,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'closed')),
    fee_taken boolean NOT NULL DEFAULT false,
    paid_out boolean NOT NULL DEFAULT false,
    judged boolean NOT NULL DEFAULT true,
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE UNIQUE INDEX price_accounts_deposit ON price_accounts (deposit_account) WHERE deposit_account <> '';
CREATE INDEX price_accounts_unjudged ON price_accounts (number) WHERE NOT judged;

CREATE TABLE price_instalments (
    number text NOT NULL REFERENCES price_accounts (number),
    place smallint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    due_on date NOT NULL,
    PRIMARY KEY (number, place)
);

CREATE TABLE moneys (
    transaction_id bigint PRIMARY KEY REFERENCES bank_transactions (id),
    standing text NOT NULL CHECK (standing IN
        ('unseen', 'counted', 'foreign', 'late', 'unmatched', 'returning', 'returned', 'outgoing')),
    account text NOT NULL DEFAULT '',
    accepted boolean NOT NULL DEFAULT false,
    returned bigint NOT NULL DEFAULT 0 CHECK (returned >= 0),
    reason text NOT NULL DEFAULT '',
    version integer NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL
);
CREATE INDEX moneys_by_standing ON moneys (standing, transaction_id DESC);
CREATE INDEX moneys_of_account ON moneys (account, transaction_id) WHERE account <> '';

CREATE TABLE refund_batches (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL UNIQUE,
    bank text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'done')),
    total bigint NOT NULL CHECK (total > 0),
    item_count integer NOT NULL CHECK (item_count > 0),
    made_by integer REFERENCES accounts (id),
    made_at timestamptz NOT NULL,
    done_at timestamptz
);

CREATE TABLE refunds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('release', 'excess', 'return', 'payout')),
    bank text NOT NULL,
    transaction_id bigint REFERENCES bank_transactions (id),
    account text NOT NULL DEFAULT '',
    amount bigint NOT NULL CHECK (amount > 0),
    payee_name text NOT NULL,
    payee_account text NOT NULL,
    payee_bank text NOT NULL,
    reason text NOT NULL DEFAULT '',
    state text NOT NULL CHECK (state IN ('due', 'batched', 'failed', 'paid')),
    counted_from date NOT NULL,
    working_days smallint NOT NULL CHECK (working_days BETWEEN 0 AND 60),
    due_on date NOT NULL,
    provisional boolean NOT NULL DEFAULT false,
    batch_id integer REFERENCES refund_batches (id),
    attempts integer NOT NULL DEFAULT 0,
    failure text NOT NULL DEFAULT '',
    version integer NOT NULL DEFAULT 1,
    made_by integer REFERENCES accounts (id),
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX refunds_by_state ON refunds (state, due_on, id);
CREATE INDEX refunds_of_batch ON refunds (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX refunds_of_account ON refunds (account) WHERE account <> '';
CREATE INDEX refunds_of_transaction ON refunds (transaction_id) WHERE transaction_id IS NOT NULL;

CREATE TABLE refund_reminders (
    day date PRIMARY KEY
);

CREATE TABLE money_proposals (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('assign', 'accept', 'payee')),
    transaction_id bigint REFERENCES bank_transactions (id),
    refund_id bigint REFERENCES refunds (id),
    facts jsonb NOT NULL,
    reason text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'agreed', 'refused', 'withdrawn')),
    asked_by integer NOT NULL REFERENCES accounts (id),
    asked_at timestamptz NOT NULL,
    decided_by integer REFERENCES accounts (id),
    decided_at timestamptz,
    CHECK (state <> 'agreed' OR decided_by <> asked_by),
    CHECK ((transaction_id IS NULL) <> (refund_id IS NULL))
);
CREATE UNIQUE INDEX money_proposals_one_open ON money_proposals (transaction_id) WHERE state = 'open';
CREATE UNIQUE INDEX money_proposals_one_open_refund ON money_proposals (refund_id) WHERE state = 'open';
CREATE INDEX money_proposals_latest ON money_proposals (id DESC);

CREATE TABLE invoices (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL UNIQUE,
    lot text NOT NULL UNIQUE,
    payer_name text NOT NULL,
    title text NOT NULL,
    price bigint NOT NULL CHECK (price > 0),
    permille integer NOT NULL CHECK (permille >= 0),
    amount bigint NOT NULL CHECK (amount > 0),
    made_at timestamptz NOT NULL
);

CREATE TABLE demo_bank_transfers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bank text NOT NULL,
    serial text NOT NULL UNIQUE,
    form text NOT NULL UNIQUE,
    payer_name text NOT NULL,
    payer_account text NOT NULL,
    sub_account text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    remark text NOT NULL,
    at timestamptz NOT NULL
);
"""
_TABLES = (
    "demo_bank_transfers, invoices, money_proposals, refund_reminders, refunds, refund_batches, moneys,"
    " price_instalments,"
    " price_accounts, sub_accounts, journal_lines, journal_postings, statement_marks, bank_nonces,"
    " bank_transactions, bank_statements"
)


def upgrade() -> None:
    op.execute(BANKING)
    op.execute(JOURNAL)
    op.execute(DEPOSITS)


def downgrade() -> None:
    op.execute(f"DROP TABLE {_TABLES}")
    op.execute("DROP FUNCTION journal_only_grows(), journal_balances()")
