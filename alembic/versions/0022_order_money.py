"""Money of orders: one table of nonces for banks and providers, what two people assign, what applicants are
told, the history of refunds.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NONCES = """
CREATE TABLE signed_nonces (
    sender text NOT NULL,
    nonce text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (sender, nonce)
);
CREATE INDEX signed_nonces_at ON signed_nonces (at);
INSERT INTO signed_nonces SELECT 'bank ' || bank, nonce, at FROM bank_nonces;
INSERT INTO signed_nonces SELECT 'provider ' || way, nonce, at FROM payment_nonces;
DROP TABLE bank_nonces, payment_nonces;
"""
NONCES_BACK = """
CREATE TABLE bank_nonces (
    bank text NOT NULL, nonce text NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (bank, nonce)
);
CREATE INDEX bank_nonces_at ON bank_nonces (at);
CREATE TABLE payment_nonces (
    way text NOT NULL, nonce text NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (way, nonce)
);
CREATE INDEX payment_nonces_at ON payment_nonces (at);
INSERT INTO bank_nonces SELECT substr(sender, 6), nonce, at FROM signed_nonces WHERE sender LIKE 'bank %';
INSERT INTO payment_nonces SELECT substr(sender, 10), nonce, at FROM signed_nonces
    WHERE sender LIKE 'provider %';
DROP TABLE signed_nonces;
"""
PROPOSALS = """
-- `accepted`: two people of finance say whose money it is, whatever its payer and its remark say.
ALTER TABLE order_receipts ADD COLUMN accepted boolean NOT NULL DEFAULT false;
ALTER TABLE money_proposals ADD COLUMN receipt_id bigint REFERENCES order_receipts (id);
ALTER TABLE money_proposals DROP CONSTRAINT money_proposals_kind_check;
ALTER TABLE money_proposals DROP CONSTRAINT money_proposals_check1;
ALTER TABLE money_proposals ADD CONSTRAINT money_proposals_kind_check
    CHECK (kind IN ('assign', 'accept', 'payee', 'order'));
ALTER TABLE money_proposals ADD CONSTRAINT money_proposals_about_one
    CHECK (num_nonnulls(transaction_id, refund_id, receipt_id) = 1);
CREATE UNIQUE INDEX money_proposals_one_open_receipt ON money_proposals (receipt_id) WHERE state = 'open';
"""
PROPOSALS_BACK = """
DELETE FROM money_proposals WHERE kind = 'order';
ALTER TABLE money_proposals DROP CONSTRAINT money_proposals_kind_check;
ALTER TABLE money_proposals DROP CONSTRAINT money_proposals_about_one;
ALTER TABLE money_proposals DROP COLUMN receipt_id;
ALTER TABLE money_proposals ADD CONSTRAINT money_proposals_kind_check
    CHECK (kind IN ('assign', 'accept', 'payee'));
ALTER TABLE money_proposals ADD CONSTRAINT money_proposals_check1
    CHECK ((transaction_id IS NULL) <> (refund_id IS NULL));
ALTER TABLE order_receipts DROP COLUMN accepted;
"""
TELLING = """
-- What the applicant is told about the money of an order, each once.
CREATE TABLE order_money_news (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    order_number text NOT NULL REFERENCES orders (number),
    kind text NOT NULL CHECK (kind IN ('short', 'foreign', 'wrong_remark', 'wrong_way', 'doubled', 'late',
        'refunded', 'invoiced')),
    fen bigint NOT NULL CHECK (fen > 0),
    receipt_id bigint REFERENCES order_receipts (id),
    made_at timestamptz NOT NULL,
    told_at timestamptz
);
CREATE INDEX order_money_news_waiting ON order_money_news (id) WHERE told_at IS NULL;

CREATE TABLE order_refund_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    refund_id bigint NOT NULL REFERENCES order_refunds (id),
    at timestamptz NOT NULL,
    act text NOT NULL
        CHECK (act IN ('planned', 'asked', 'accepted', 'no_answer', 'refused', 'paid', 'again')),
    said text NOT NULL DEFAULT ''
);
CREATE INDEX order_refund_events_of ON order_refund_events (refund_id, id);

ALTER TABLE demo_payments ADD COLUMN closes_at timestamptz;

-- One invoice stands; those that it replaced stay, void. orders.invoice names the last.
ALTER TABLE order_invoices DROP CONSTRAINT order_invoices_order_number_key;
CREATE UNIQUE INDEX order_invoices_one_made ON order_invoices (order_number) WHERE state = 'made';
CREATE INDEX order_invoices_of_order ON order_invoices (order_number, made_at);
"""
TELLING_BACK = """
DELETE FROM order_invoices i USING orders o WHERE o.number = i.order_number AND o.invoice <> i.number;
DROP INDEX order_invoices_of_order, order_invoices_one_made;
ALTER TABLE order_invoices ADD CONSTRAINT order_invoices_order_number_key UNIQUE (order_number);
DROP TABLE order_refund_events, order_money_news;
ALTER TABLE demo_payments DROP COLUMN closes_at;
"""


def upgrade() -> None:
    op.execute(NONCES)
    op.execute(PROPOSALS)
    op.execute(TELLING)


def downgrade() -> None:
    op.execute(TELLING_BACK)
    op.execute(PROPOSALS_BACK)
    op.execute(NONCES_BACK)
