"""Revisions are taken back and done again, empty and with rows of earlier versions."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from luochui.operations import migrations

MOMENT = datetime(2026, 3, 2, 3, 4, 5, 678901, UTC)
DAY = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Of MOMENT, in Beijing."""
_AT = "'2026-03-02 03:04:05.678901+00'"
_R = "'R0123456789abcdef'"
BEFORE = (
    "INSERT INTO objections (lot, period, state, owner_mark, objector, content, made_at, due_at) VALUES"
    f" ('L1', 'announcement', 'open', repeat('a', 64), 'a box', 'x', {_AT}, {_AT})",
    "INSERT INTO registrations (registration, state, sealed_at, made_at, changed_at)"
    f" VALUES ({_R}, 'qualified', {_AT}, {_AT}, {_AT})",
    f"INSERT INTO registration_boxes VALUES ({_R}, 'application', 'x', {_AT})",
    "INSERT INTO registration_events (registration, act, before, after, at)"
    f" VALUES ({_R}, 'seal', 'awaiting_seal', 'qualified', {_AT})",
    "INSERT INTO messages (registration, kind, facts, at) VALUES"
    f" ({_R}, 'registration.sealed', '{{}}', {_AT})",
    f"INSERT INTO messages (lot, kind, facts, at) VALUES ('L1', 'lot.announced', '{{}}', {_AT})",
    "INSERT INTO deliveries (key, channel, registration, kind, state, made_at, finished_at)"
    f" VALUES ('k', 'sms', {_R}, 'registration.sealed', 'sent', {_AT}, {_AT})",
    "INSERT INTO rule_profiles (asset_class, method, version, state, fields, made_at) VALUES"
    f" ('physical', 'auction', 1, 'published', '{{\"priority_answer_hours\": 48}}', {_AT})",
)
BLURRED = (
    "SELECT made_at FROM objections",
    "SELECT sealed_at FROM registrations",
    "SELECT made_at FROM registrations",
    "SELECT changed_at FROM registrations",
    "SELECT made_at FROM registration_boxes",
    "SELECT at FROM registration_events",
    "SELECT at FROM messages WHERE registration IS NOT NULL",
    "SELECT made_at FROM deliveries",
    "SELECT finished_at FROM deliveries",
)
_ACCOUNT = (
    "INSERT INTO price_accounts (number, lot, bank, payer_name, payer_key, price, state, made_at, changed_at)"
    f" VALUES ('{{}}', 'XX-1', 'b', 'p', 'k', 100, '{{}}', {_AT}, {_AT})"
)


@pytest.fixture
def config(database: str) -> Iterator[Config]:
    """Whatever a test leaves, the others find the newest revision."""
    made = migrations._config()
    made.attributes["url"] = database
    yield made
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        connection.execute("DELETE FROM price_accounts")
    command.upgrade(made, "head")


def test_the_newest_revision_goes_back_and_forth(database: str, config: Config) -> None:
    newest = migrations.schema(database).current
    command.downgrade(config, "-1")
    assert migrations.schema(database).current != newest
    command.upgrade(config, "head")
    assert migrations.schema(database).current == newest


def test_rows_of_earlier_versions_are_kept_as_the_rules_have_it_now(database: str, config: Config) -> None:
    """0012 and 0023: makers of objections, moments of bidders, fields of rule profiles."""
    command.downgrade(config, "0011")
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in BEFORE:
            connection.execute(statement.encode())
    command.upgrade(config, "head")
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        named = connection.execute("SELECT objector, pseudonym FROM objections").fetchall()
        assert named == [(b"a box", "")], "the steward gives the pseudonym"
        for query in BLURRED:
            assert connection.execute(query.encode()).fetchall() == [(DAY,)], query
        public = connection.execute("SELECT at FROM messages WHERE kind = 'lot.announced'").fetchall()
        assert public == [(MOMENT,)], "of what is public the moment is kept"
        [(fields,)] = connection.execute("SELECT fields FROM rule_profiles").fetchall()
        assert fields["next_answer_hours"] == 48, "as it was, shared"
        assert fields["priority_answer_hours"] == 48
        assert (fields["objection_working_days"], fields["defaulter_days"]) == (3, 730)


def test_what_would_throw_accounts_away_is_not_taken_back(database: str, config: Config) -> None:
    command.downgrade(config, "0012")
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        for number, state in (("6" * 18, "closed"), ("7" * 18, "open")):
            connection.execute(_ACCOUNT.format(number, state).encode())
    with pytest.raises(RuntimeError, match="lots with two price accounts: XX-1"):
        command.downgrade(config, "0011")
    assert migrations.schema(database).current == "0012"


def test_used_nonces_of_banks_and_providers_stay_used_both_ways(database: str, config: Config) -> None:
    """0022: what was told before the move is a replay after it, and after it is taken back."""
    used = {"bank_nonces (bank, nonce, at)": "shifan", "payment_nonces (way, nonce, at)": "alipay"}
    command.downgrade(config, "0021")
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        for table, sender in used.items():
            connection.execute(f"INSERT INTO {table} VALUES ('{sender}', 'n', {_AT})".encode())
    command.upgrade(config, "head")
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        found = connection.execute("SELECT sender, nonce FROM signed_nonces ORDER BY sender").fetchall()
        assert found == [("bank shifan", "n"), ("provider alipay", "n")]
    command.downgrade(config, "0021")
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT bank, nonce FROM bank_nonces").fetchall() == [("shifan", "n")]
        assert connection.execute("SELECT way, nonce FROM payment_nonces").fetchall() == [("alipay", "n")]
