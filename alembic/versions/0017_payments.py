"""Payment of certificate orders: charges, what came in, refunds, invoices, reconciliation.

Names of payers stand in the banks' own rows (0009); here are keyed hashes. Invoices are boxes: titles can be
names of persons.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ACCOUNTS = """
-- What is expected for an order, and how far it was judged: the version of the order that was looked at.
CREATE TABLE order_accounts (
    order_number text PRIMARY KEY REFERENCES orders (number),
    remark text NOT NULL DEFAULT '',
    payer_marks text[] NOT NULL DEFAULT '{}',
    judged_version integer NOT NULL DEFAULT 0,
    earned boolean NOT NULL DEFAULT false,
    closed boolean NOT NULL DEFAULT false,
    made_at timestamptz NOT NULL
);
CREATE INDEX order_accounts_open ON order_accounts (order_number) WHERE NOT closed;
CREATE INDEX order_accounts_by_remark ON order_accounts (remark) WHERE remark <> '';

CREATE TABLE payment_charges (
    number text PRIMARY KEY CHECK (number ~ '^ZF[0-9]{22}$'),
    order_number text NOT NULL REFERENCES orders (number),
    way text NOT NULL CHECK (way IN ('alipay', 'wechat')),
    fen bigint NOT NULL CHECK (fen > 0),
    address text NOT NULL DEFAULT '',
    code text NOT NULL DEFAULT '',
    state text NOT NULL CHECK (state IN ('open', 'paid', 'closed')),
    made_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX payment_charges_one_open ON payment_charges (order_number) WHERE state = 'open';
CREATE INDEX payment_charges_of_order ON payment_charges (order_number, made_at);

CREATE TABLE payment_nonces (
    way text NOT NULL,
    nonce text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (way, nonce)
);
CREATE INDEX payment_nonces_at ON payment_nonces (at);

CREATE TABLE order_receipts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL CHECK (source IN ('alipay', 'wechat', 'transfer', 'on_the_spot')),
    reference text NOT NULL CHECK (length(reference) BETWEEN 1 AND 80),
    charge text REFERENCES payment_charges (number),
    order_number text REFERENCES orders (number),
    bank text NOT NULL DEFAULT '',
    transaction_id bigint UNIQUE REFERENCES bank_transactions (id),
    payer_mark text NOT NULL DEFAULT '',
    remark text NOT NULL DEFAULT '',
    fen bigint NOT NULL CHECK (fen > 0),
    returned bigint NOT NULL DEFAULT 0,
    standing text NOT NULL CHECK (standing IN ('counted', 'short', 'held', 'foreign', 'wrong_remark',
        'wrong_way', 'doubled', 'late', 'unknown')),
    paid_at timestamptz NOT NULL,
    taken_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (source, reference),
    CHECK (returned BETWEEN 0 AND fen),
    CHECK ((source = 'transfer') = (transaction_id IS NOT NULL)),
    CHECK (order_number IS NOT NULL OR standing = 'unknown')
);
CREATE INDEX order_receipts_of_order ON order_receipts (order_number, paid_at, id)
    WHERE order_number IS NOT NULL;
CREATE INDEX order_receipts_by_standing ON order_receipts (standing, id DESC);
CREATE INDEX order_receipts_by_time ON order_receipts (source, paid_at);

CREATE TABLE order_refunds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL UNIQUE,
    receipt_id bigint NOT NULL REFERENCES order_receipts (id),
    way text NOT NULL CHECK (way IN ('alipay', 'wechat', 'transfer', 'on_the_spot')),
    fen bigint NOT NULL CHECK (fen > 0),
    reason text NOT NULL,
    state text NOT NULL CHECK (state IN ('due', 'asked', 'paid', 'failed')),
    bank_refund bigint UNIQUE REFERENCES refunds (id),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz,
    failure text NOT NULL DEFAULT '',
    made_by integer REFERENCES accounts (id),
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    paid_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    CHECK ((way = 'transfer') = (bank_refund IS NOT NULL))
);
CREATE INDEX order_refunds_of ON order_refunds (receipt_id);
CREATE INDEX order_refunds_next ON order_refunds (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX order_refunds_by_state ON order_refunds (state, id DESC);
"""
PAPERS = """
-- The box: title, tax number, where it is sent.
CREATE TABLE order_invoices (
    number text PRIMARY KEY,
    order_number text NOT NULL UNIQUE REFERENCES orders (number),
    fen bigint NOT NULL CHECK (fen > 0),
    box bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('made', 'void')),
    due_on date,
    made_at timestamptz NOT NULL,
    voided_at timestamptz
);

CREATE TABLE payment_reconciliations (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    way text NOT NULL,
    day date NOT NULL,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    line_count integer NOT NULL,
    differences jsonb NOT NULL,
    made_by integer REFERENCES accounts (id),
    made_at timestamptz NOT NULL
);
CREATE INDEX payment_reconciliations_latest ON payment_reconciliations (id DESC);
"""
DEMONSTRATION = """
-- The demonstration's payment provider: its own books, which ours know through its messages alone.
CREATE TABLE demo_payments (
    charge text PRIMARY KEY,
    trade text NOT NULL UNIQUE,
    way text NOT NULL,
    code text NOT NULL,
    fen bigint NOT NULL CHECK (fen > 0),
    paid_fen bigint CHECK (paid_fen > 0),
    state text NOT NULL CHECK (state IN ('waiting', 'paid', 'closed')),
    made_at timestamptz NOT NULL,
    paid_at timestamptz
);
CREATE INDEX demo_payments_by_code ON demo_payments (code);
CREATE TABLE demo_pay_refunds (
    number text PRIMARY KEY,
    charge text NOT NULL REFERENCES demo_payments (charge),
    fen bigint NOT NULL CHECK (fen > 0),
    at timestamptz NOT NULL
);
"""
STANDINGS = """
ALTER TABLE moneys DROP CONSTRAINT moneys_standing_check;
ALTER TABLE moneys ADD CONSTRAINT moneys_standing_check CHECK (standing IN ('unseen', 'counted', 'foreign',
    'late', 'unmatched', 'returning', 'returned', 'outgoing', 'order'));
"""
_TABLES = (
    "demo_pay_refunds, demo_payments, payment_reconciliations, order_invoices, order_refunds, order_receipts,"
    " payment_nonces, payment_charges, order_accounts"
)


def upgrade() -> None:
    op.execute(ACCOUNTS)
    op.execute(PAPERS)
    op.execute(DEMONSTRATION)
    op.execute(STANDINGS)


def downgrade() -> None:
    op.execute(f"DROP TABLE {_TABLES}")
    op.execute("UPDATE moneys SET standing = 'unmatched', account = '' WHERE standing = 'order'")
    op.execute("ALTER TABLE moneys DROP CONSTRAINT moneys_standing_check")
    op.execute(
        "ALTER TABLE moneys ADD CONSTRAINT moneys_standing_check CHECK (standing IN ('unseen', 'counted',"
        " 'foreign', 'late', 'unmatched', 'returning', 'returned', 'outgoing'))"
    )
