"""The review desk: due days, verdicts item by item, blank UKeys, walk-ins, money taken at the counter.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

REVIEW = """
-- Until when a review is to be done; `since` is orders.review_since, so another round is another row.
CREATE TABLE desk_dues (
    number text PRIMARY KEY REFERENCES orders (number),
    since timestamptz NOT NULL,
    warned_on date NOT NULL,
    due_on date NOT NULL,
    provisional boolean NOT NULL DEFAULT false
);
CREATE INDEX desk_dues_by_day ON desk_dues (due_on, since);

-- What the review said of one item: file:<id>, section:<section of the details>, original:<document>.
CREATE TABLE order_verdicts (
    number text NOT NULL REFERENCES orders (number),
    item text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('accepted', 'refused', 'corrected')),
    template text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    by_account integer NOT NULL REFERENCES accounts (id),
    at timestamptz NOT NULL,
    PRIMARY KEY (number, item),
    CHECK ((verdict = 'accepted') = (reason = ''))
);
"""
STOCK = """
CREATE TABLE blank_ukeys (
    serial text PRIMARY KEY CHECK (serial ~ '^[0-9A-Z][0-9A-Z-]{3,39}$'),
    model text NOT NULL,
    state text NOT NULL
        CHECK (state IN ('in_stock', 'assigned', 'written', 'gone', 'defective', 'returned', 'lost')),
    number text REFERENCES orders (number),
    received_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CHECK ((state IN ('assigned', 'written', 'gone')) = (number IS NOT NULL))
);
-- An order has one UKey at a time.
CREATE UNIQUE INDEX blank_ukeys_of_order ON blank_ukeys (number) WHERE number IS NOT NULL;
CREATE INDEX blank_ukeys_by_state ON blank_ukeys (state, serial);

CREATE TABLE blank_ukey_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    serial text NOT NULL REFERENCES blank_ukeys (serial),
    act text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    at timestamptz NOT NULL,
    by_account integer REFERENCES accounts (id),
    number text REFERENCES orders (number),
    reason text NOT NULL DEFAULT ''
);
CREATE INDEX blank_ukey_events_of ON blank_ukey_events (serial, id);
CREATE INDEX blank_ukey_events_by_time ON blank_ukey_events (act, at);

CREATE TABLE stock_counts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    by_account integer NOT NULL REFERENCES accounts (id),
    counted integer NOT NULL CHECK (counted >= 0),
    expected integer NOT NULL CHECK (expected >= 0),
    missing text[] NOT NULL DEFAULT '{}',
    unknown text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX stock_counts_by_time ON stock_counts (at DESC);
"""
COUNTER = """
-- Who stood at the counter has no account: the clerk who began the order types it in.
CREATE TABLE walk_ins (
    number text PRIMARY KEY REFERENCES orders (number),
    clerk_id integer NOT NULL REFERENCES accounts (id),
    at timestamptz NOT NULL
);

CREATE TABLE counter_takings (
    number text PRIMARY KEY REFERENCES orders (number),
    fen bigint NOT NULL CHECK (fen > 0),
    way text NOT NULL,
    clerk_id integer NOT NULL REFERENCES accounts (id),
    at timestamptz NOT NULL
);
CREATE INDEX counter_takings_by_time ON counter_takings (at);

-- A clerk's drawer at the end of a day: what was counted, and what the records say.
CREATE TABLE counter_closings (
    day date NOT NULL,
    clerk_id integer NOT NULL REFERENCES accounts (id),
    counted_fen bigint NOT NULL CHECK (counted_fen >= 0),
    expected_fen bigint NOT NULL CHECK (expected_fen >= 0),
    note text NOT NULL DEFAULT '',
    at timestamptz NOT NULL,
    PRIMARY KEY (day, clerk_id),
    CHECK (counted_fen = expected_fen OR note <> '')
);
"""


def upgrade() -> None:
    op.execute(REVIEW)
    op.execute(STOCK)
    op.execute(COUNTER)


def downgrade() -> None:
    op.execute(
        "DROP TABLE counter_closings, counter_takings, walk_ins, stock_counts, blank_ukey_events,"
        " blank_ukeys, order_verdicts, desk_dues"
    )
