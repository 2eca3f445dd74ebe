"""Lists of all listings go along an index; invoices are corrected by others, and never edited;
after a default a lot is offered to the next bidder, who pays into an account of the own.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

LISTINGS = """
CREATE INDEX listings_changed ON listings (changed_at DESC, lot) WHERE state <> 'draft';
"""

# A corrective invoice has the amount of what it reverses, below zero, and is of the same lot; one invoice is
# reversed once and replaced once.
INVOICES = """
ALTER TABLE invoices DROP CONSTRAINT invoices_lot_key, DROP CONSTRAINT invoices_amount_check,
    ADD COLUMN kind text NOT NULL DEFAULT 'issued' CHECK (kind IN ('issued', 'corrective')),
    ADD COLUMN corrects text UNIQUE,
    ADD COLUMN replaces text UNIQUE,
    ADD COLUMN reason text NOT NULL DEFAULT '',
    ADD COLUMN made_by integer REFERENCES accounts (id),
    ADD COLUMN reversed bigint
        GENERATED ALWAYS AS (CASE WHEN corrects IS NULL THEN NULL ELSE -amount END) STORED,
    ADD UNIQUE (number, lot, amount),
    ADD FOREIGN KEY (corrects, lot, reversed) REFERENCES invoices (number, lot, amount),
    ADD FOREIGN KEY (replaces, lot, amount) REFERENCES invoices (number, lot, amount),
    ADD CHECK (CASE kind WHEN 'corrective' THEN amount < 0 AND corrects IS NOT NULL AND replaces IS NULL
        ELSE amount > 0 AND corrects IS NULL END),
    ADD CHECK (reason <> '' OR (corrects IS NULL AND replaces IS NULL));
CREATE UNIQUE INDEX invoices_first ON invoices (lot) WHERE corrects IS NULL AND replaces IS NULL;
CREATE INDEX invoices_of_lot ON invoices (lot, id);
CREATE TRIGGER invoices_only_grow BEFORE UPDATE OR DELETE ON invoices
    FOR EACH STATEMENT EXECUTE FUNCTION journal_only_grows();
"""
NEXT_BIDDER = """
ALTER TABLE priority_offers ADD COLUMN source text NOT NULL DEFAULT 'priority'
    CHECK (source IN ('priority', 'next_bidder'));
ALTER TABLE priority_offers DROP CONSTRAINT priority_offers_pkey, ADD PRIMARY KEY (lot, paddle, source);
ALTER TABLE priority_offers DROP CONSTRAINT priority_offers_rank_check,
    ADD CHECK ((source = 'priority') = (rank > 0));
ALTER TABLE price_accounts DROP CONSTRAINT price_accounts_lot_key;
CREATE UNIQUE INDEX price_accounts_one_that_stands ON price_accounts (lot) WHERE state <> 'closed';
CREATE INDEX price_accounts_of_lot ON price_accounts (lot);
"""
OBJECTIONS = """
-- Who objects is known by a pseudonym of the sealed process. Earlier ones keep their maker's box, until the
-- steward has given them one (0023).
ALTER TABLE objections ADD COLUMN pseudonym text NOT NULL DEFAULT ''
    CHECK (pseudonym ~ '^(R[0-9a-f]{16})?$');
ALTER TABLE objections ALTER COLUMN owner_mark DROP NOT NULL, ALTER COLUMN objector DROP NOT NULL;
DROP INDEX objections_of_owner;
CREATE INDEX objections_of_pseudonym ON objections (pseudonym, id DESC) WHERE pseudonym <> '';
"""
WITHOUT_OBJECTIONS = """
ALTER TABLE objections ADD COLUMN IF NOT EXISTS owner_mark text CHECK (owner_mark ~ '^[0-9a-f]{64}$'),
    ADD COLUMN IF NOT EXISTS objector bytea, DROP COLUMN pseudonym;
UPDATE objections SET owner_mark = coalesce(owner_mark, repeat('0', 64)), objector = coalesce(objector, '');
ALTER TABLE objections ALTER COLUMN owner_mark SET NOT NULL, ALTER COLUMN objector SET NOT NULL;
CREATE INDEX objections_of_owner ON objections (owner_mark, id DESC);
"""

# The same is decided from the added lines and their postings alone: numbers from 1 to the count, each
# once by the key, all of them in this statement. The table of lines was read beside them, by a plan that
# a session kept from when it was empty: an import of many rows into a new database ran into its time
# limit.
JOURNAL = """
CREATE OR REPLACE FUNCTION journal_balances() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE wrong bigint;
BEGIN
    SELECT a.posting_id INTO wrong FROM
        (SELECT posting_id, sum(fen) AS fen, count(*) AS lines, min(line) AS first, max(line) AS last
        FROM added GROUP BY posting_id) AS a
    LEFT JOIN journal_postings p ON p.id = a.posting_id
    WHERE a.fen <> 0 OR a.lines <> p.line_count OR a.first < 1 OR a.last > p.line_count LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'posting % does not balance or is not whole', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(JOURNAL)
    op.execute(OBJECTIONS)
    op.execute(NEXT_BIDDER)
    op.execute(LISTINGS)
    op.execute(INVOICES)


STAND_IN_THE_WAY = """
SELECT concat_ws('; ',
    (SELECT 'invoices that were corrected: ' || string_agg(DISTINCT lot, ', ') FROM invoices
        WHERE corrects IS NOT NULL OR replaces IS NOT NULL HAVING count(*) > 0),
    (SELECT 'lots with two price accounts: ' || string_agg(lot, ', ')
        FROM (SELECT lot FROM price_accounts GROUP BY lot HAVING count(*) > 1) AS several
        HAVING count(*) > 0))
"""


def downgrade() -> None:
    """Only while no invoice has been corrected and no lot has two price accounts: what was issued, and where
    money went, is not thrown away. Nothing is changed then, and the error names them."""
    if standing := op.get_bind().exec_driver_sql(STAND_IN_THE_WAY).scalar():
        raise RuntimeError(f"0012 can't be taken back: {standing}")
    op.execute(WITHOUT_OBJECTIONS)
    op.execute("DROP INDEX price_accounts_of_lot, price_accounts_one_that_stands")
    op.execute("DELETE FROM priority_offers WHERE source <> 'priority'")
    op.execute(
        "ALTER TABLE priority_offers DROP COLUMN source, ADD PRIMARY KEY (lot, paddle),"
        " ADD CONSTRAINT priority_offers_rank_check CHECK (rank > 0)"
    )
    op.execute("ALTER TABLE price_accounts ADD CONSTRAINT price_accounts_lot_key UNIQUE (lot)")
    op.execute("DROP TRIGGER invoices_only_grow ON invoices")
    op.execute("DROP INDEX invoices_first, invoices_of_lot, listings_changed")
    op.execute(
        "ALTER TABLE invoices DROP COLUMN reversed, DROP COLUMN kind, DROP COLUMN corrects,"
        " DROP COLUMN replaces, DROP COLUMN reason, DROP COLUMN made_by,"
        " DROP CONSTRAINT invoices_number_lot_amount_key, ADD CONSTRAINT invoices_lot_key UNIQUE (lot),"
        " ADD CONSTRAINT invoices_amount_check CHECK (amount > 0)"
    )
