"""Messages and their deliveries, contacts, the audit log, objections, traces of sign-ins.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

AUDIT = """
CREATE TABLE audit_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL CHECK (actor ~ '^(account [0-9]{1,10}|R[0-9a-f]{16}|clock|objector)$'),
    role text NOT NULL,
    act text NOT NULL CHECK (act ~ '^[a-z][a-z0-9_.]{1,59}$'),
    subject text NOT NULL CHECK (length(subject) <= 100),
    facts text NOT NULL CHECK (octet_length(facts) <= 4000)
);
CREATE INDEX audit_entries_at ON audit_entries (at DESC, id DESC);
CREATE INDEX audit_entries_of_actor ON audit_entries (actor, id DESC);
CREATE INDEX audit_entries_of_act ON audit_entries (act text_pattern_ops, id DESC);
CREATE INDEX audit_entries_of_subject ON audit_entries (subject, id DESC);

CREATE TABLE audit_links (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    entry_id bigint NOT NULL UNIQUE REFERENCES audit_entries (id),
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$')
);

CREATE TABLE audit_unlinked (entry_id bigint PRIMARY KEY REFERENCES audit_entries (id));

CREATE FUNCTION audit_note_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unlinked (entry_id) VALUES (NEW.id);
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entries_noted AFTER INSERT ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_note_entry();

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_links_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_links
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""
MESSAGES = """
CREATE TABLE messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer REFERENCES accounts (id),
    registration text CHECK (registration ~ '^R[0-9a-f]{16}$'),
    lot text,
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_.]{1,59}$'),
    facts jsonb NOT NULL,
    at timestamptz NOT NULL,
    read_at timestamptz,
    dispatched boolean NOT NULL DEFAULT false,
    CHECK (num_nonnulls(account_id, registration, lot) = 1)
);
CREATE INDEX messages_of_account ON messages (account_id, at DESC, id DESC) WHERE account_id IS NOT NULL;
CREATE INDEX messages_unread ON messages (account_id) WHERE account_id IS NOT NULL AND read_at IS NULL;
CREATE INDEX messages_of_registration ON messages (registration, at DESC, id DESC)
    WHERE registration IS NOT NULL;
CREATE INDEX messages_of_lot ON messages (lot, at DESC, id DESC) WHERE lot IS NOT NULL;
CREATE INDEX messages_to_dispatch ON messages (id) WHERE NOT dispatched;

-- Who has read what was told to all registrants of a lot: keyed hashes of account and message.
CREATE TABLE message_reads (
    mark text PRIMARY KEY CHECK (mark ~ '^[0-9a-f]{64}$')
);

CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    channel text NOT NULL CHECK (channel IN ('email', 'sms')),
    account_id integer REFERENCES accounts (id),
    registration text CHECK (registration ~ '^R[0-9a-f]{16}$'),
    message_id bigint REFERENCES messages (id),
    kind text NOT NULL,
    box bytea,
    state text NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'given_up', 'no_address')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 20),
    next_at timestamptz,
    made_at timestamptz NOT NULL,
    finished_at timestamptz,
    fault text NOT NULL DEFAULT '',
    CHECK ((state IN ('waiting', 'sending')) = (next_at IS NOT NULL))
);
CREATE INDEX deliveries_due ON deliveries (next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_of_message ON deliveries (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX deliveries_by_state ON deliveries (state, id DESC);

-- What would have been sent, in a demonstration.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    channel text NOT NULL,
    address text NOT NULL,
    subject text NOT NULL,
    content text NOT NULL,
    at timestamptz NOT NULL
);

-- Reminders that were given, each once: (what, of what, for which moment).
CREATE TABLE reminders (
    kind text NOT NULL,
    subject text NOT NULL,
    due_at timestamptz NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (kind, subject, due_at)
);
"""
PEOPLE = """
CREATE TABLE contacts (
    account_id integer NOT NULL REFERENCES accounts (id),
    channel text NOT NULL CHECK (channel IN ('email', 'sms')),
    address text NOT NULL,
    verified_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, channel)
);
CREATE INDEX contacts_by_address ON contacts (address);

CREATE TABLE contact_codes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket text NOT NULL UNIQUE,
    purpose text NOT NULL CHECK (purpose IN ('verify', 'recover')),
    account_id integer REFERENCES accounts (id),
    channel text NOT NULL CHECK (channel IN ('email', 'sms')),
    address text NOT NULL,
    code_hash text NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX contact_codes_of_account ON contact_codes (account_id, made_at DESC);
CREATE INDEX contact_codes_of_address ON contact_codes (address, made_at DESC);
CREATE INDEX contact_codes_old ON contact_codes (expires_at);

-- Sign-ins as their owner sees them; `network` is the first half of the address.
CREATE TABLE sign_ins (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL REFERENCES accounts (id),
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('password', 'ukey', 'wrong')),
    network text NOT NULL,
    browser text NOT NULL
);
CREATE INDEX sign_ins_of_account ON sign_ins (account_id, id DESC);

-- Keyed hashes of the address and the device that an account was seen with, one row a day.
CREATE TABLE traces (
    account_id integer NOT NULL REFERENCES accounts (id),
    day date NOT NULL,
    address_mark text NOT NULL CHECK (address_mark ~ '^[0-9a-f]{32}$'),
    device_mark text NOT NULL CHECK (device_mark ~ '^[0-9a-f]{32}$'),
    PRIMARY KEY (account_id, day, address_mark, device_mark)
);
CREATE INDEX traces_by_day ON traces (day);
"""
OVERSIGHT = """
-- `objector` and `content` are boxes: until the close nobody reads from a copy who objected to what.
CREATE TABLE objections (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot text NOT NULL REFERENCES listings (lot),
    period text NOT NULL CHECK (period IN ('announcement', 'result')),
    state text NOT NULL CHECK (state IN ('open', 'upheld', 'dismissed', 'withdrawn')),
    owner_mark text NOT NULL CHECK (owner_mark ~ '^[0-9a-f]{64}$'),
    objector bytea NOT NULL,
    content bytea NOT NULL,
    file text NOT NULL DEFAULT '',
    file_name bytea,
    made_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    answer text NOT NULL DEFAULT '',
    answered_at timestamptz,
    answered_by integer REFERENCES accounts (id),
    suspended boolean NOT NULL DEFAULT false,
    CHECK ((state IN ('upheld', 'dismissed')) = (answer <> ''))
);
CREATE INDEX objections_of_lot ON objections (lot, id DESC);
CREATE INDEX objections_of_owner ON objections (owner_mark, id DESC);
CREATE INDEX objections_open ON objections (due_at, id) WHERE state = 'open';

CREATE TABLE defaulters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL REFERENCES accounts (id),
    lot text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    listed_at timestamptz NOT NULL,
    listed_by integer REFERENCES accounts (id),
    until timestamptz,
    lifted_at timestamptz,
    lifted_by integer REFERENCES accounts (id),
    lifted_because text NOT NULL DEFAULT '',
    UNIQUE (account_id, lot)
);
CREATE INDEX defaulters_listed ON defaulters (account_id) WHERE lifted_at IS NULL;
"""


def upgrade() -> None:
    for tables in (AUDIT, MESSAGES, PEOPLE, OVERSIGHT):
        op.execute(tables)


def downgrade() -> None:
    op.execute("DROP TABLE defaulters, objections, traces, sign_ins, contact_codes, contacts")
    op.execute("DROP TABLE reminders, outbox, deliveries, message_reads, messages")
    op.execute("DROP TABLE audit_unlinked, audit_links, audit_entries")
    op.execute("DROP FUNCTION audit_note_entry(), audit_refuse()")
