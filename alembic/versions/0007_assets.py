"""Files of listings, what transferors ask for, numbers of lots, and the search over listings.

Chinese has no spaces between words, and `pg_trgm` needs three characters where most Chinese words have two:
a listing is found by its single characters and its pairs of neighbours (`grams`), and what the index finds is
compared with the text itself (`words`).

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WORDS = "lower(lot || ' ' || title || ' ' || place || ' ' || transferor || ' ' || left(overview, 300))"
TABLES = f"""
CREATE FUNCTION luochui_grams(words text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT gram), '{{}}') FROM (
        SELECT unnest(ARRAY[one, one || lead(one) OVER (ORDER BY place)]) AS gram
        FROM unnest(string_to_array(words, NULL)) WITH ORDINALITY AS characters(one, place)
    ) AS grams WHERE gram IS NOT NULL AND gram !~ '\\s'
$$;

ALTER TABLE listings
    ADD COLUMN steps text[] NOT NULL DEFAULT '{{}}',
    ADD COLUMN words text NOT NULL GENERATED ALWAYS AS ({_WORDS}) STORED,
    ADD COLUMN grams text[] NOT NULL GENERATED ALWAYS AS (luochui_grams({_WORDS})) STORED;

CREATE INDEX listings_grams ON listings USING gin (grams);
CREATE INDEX listings_latest ON listings (announced_at DESC, lot) WHERE announced_at IS NOT NULL;
CREATE INDEX listings_ending ON listings (registration_ends, lot) WHERE announced_at IS NOT NULL;
CREATE INDEX listings_by_price ON listings (starting_price, lot) WHERE announced_at IS NOT NULL;
CREATE INDEX listings_by_class ON listings (asset_class, announced_at DESC, lot)
    WHERE announced_at IS NOT NULL;
CREATE INDEX listings_public_state ON listings (state, announced_at DESC, lot) WHERE announced_at IS NOT NULL;
CREATE INDEX listings_opening ON listings (opens_at, lot) WHERE opens_at IS NOT NULL;
CREATE INDEX listings_relisted ON listings (relisted_from) WHERE relisted_from IS NOT NULL;

CREATE INDEX announcements_by_kind ON announcements (kind, id);
CREATE INDEX announcements_by_class ON announcements ((facts ->> 'asset_class'), id);

CREATE TABLE listing_numbers (
    series text PRIMARY KEY,
    last integer NOT NULL
);

CREATE TABLE listing_files (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot text NOT NULL REFERENCES listings (lot),
    kind text NOT NULL CHECK (kind IN
        ('picture', 'attachment', 'valuation', 'decision', 'price_approval', 'priority_proof')),
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    digest text NOT NULL,
    thumbnail text NOT NULL DEFAULT '',
    width integer NOT NULL DEFAULT 0,
    height integer NOT NULL DEFAULT 0,
    added_by integer REFERENCES accounts (id),
    added_at timestamptz NOT NULL,
    removed_at timestamptz
);
CREATE INDEX listing_files_of_lot ON listing_files (lot, kind, id) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX listing_files_once ON listing_files (lot, kind, digest) WHERE removed_at IS NULL;

CREATE TABLE listing_requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot text NOT NULL REFERENCES listings (lot),
    kind text NOT NULL CHECK (kind IN ('withdraw', 'suspend', 'correct')),
    reason text NOT NULL,
    asked_by integer NOT NULL REFERENCES accounts (id),
    asked_at timestamptz NOT NULL,
    answer text NOT NULL DEFAULT '' CHECK (answer IN ('', 'accepted', 'refused', 'taken_back')),
    answer_reason text NOT NULL DEFAULT '',
    answered_by integer REFERENCES accounts (id),
    answered_at timestamptz
);
CREATE INDEX listing_requests_of_lot ON listing_requests (lot, id);
CREATE UNIQUE INDEX listing_requests_open ON listing_requests (lot, kind) WHERE answer = '';
CREATE INDEX listing_requests_waiting ON listing_requests (asked_at, id) WHERE answer = '';
"""  # noqa: S608 - nothing from outside is in it


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE listing_requests, listing_files, listing_numbers")
    op.execute("ALTER TABLE listings DROP COLUMN grams, DROP COLUMN words, DROP COLUMN steps")
    op.execute(
        "DROP INDEX IF EXISTS listings_latest, listings_ending, listings_by_price, listings_by_class,"
        " listings_public_state, listings_opening, listings_relisted, announcements_by_kind,"
        " announcements_by_class"
    )
    op.execute("DROP FUNCTION luochui_grams(text)")
