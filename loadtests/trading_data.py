"""A platform that has traded for years, for measurements: many lots, and many more registrations.

Written straight into the tables, by SQL: nothing here is a way that the platform itself takes. Lots differ in
class, place, words, price, state and dates, so that no search finds all of them and none finds nothing.
"""

from datetime import datetime
from typing import Final

import psycopg
from psycopg import sql

PLACES: Final = ("吉首市", "凤凰县", "泸溪县", "花垣县", "保靖县", "古丈县", "永顺县", "龙山县")
THINGS: Final = (
    "门面",
    "办公用房",
    "公务车",
    "挖掘机",
    "厂房",
    "林地经营权",
    "停车场",
    "设备一批",
    "仓库",
    "债权",
)
CLASSES: Final = ("physical", "debt", "equity", "concession", "operating_right")
STATES: Final = (
    *("announced", "announced", "extended", "in_auction", "review", "contract", "payment"),
    *("publication", "archived", "archived", "archived", "archived", "unsold", "withdrawn"),
)
REGISTRATION_STATES: Final = ("qualified", "qualified", "not_concluded", "withdrawn", "awaiting_deposit")

_LOTS: Final = sql.SQL(
    "WITH numbered AS ("
    " SELECT n, ({states}::text[])[1 + n % {of_states}] AS state,"
    " ({places}::text[])[1 + n % {of_places}] AS place, ({classes}::text[])[1 + n % {of_classes}] AS class,"
    " ({things}::text[])[1 + (n / 7) % {of_things}] AS thing,"
    " {now}::timestamptz + '10 days' - n * interval '20 minutes' AS at FROM generate_series(1, {count}) AS n"
    ") INSERT INTO listings (lot, transferor_id, transferor, state, asset_class, method, title, place,"
    " overview, starting_price, increment, deposit, profile_id, registration_starts, registration_ends,"
    " deposit_ends, opens_at, due_at, made_at, changed_at, announced_at)"
    " SELECT 'LD-SW-' || lpad(n::text, 7, '0'), {owner}, '示例单位' || n % 400, state, class,"
    " CASE WHEN n % 3 = 0 THEN 'auction' ELSE 'competitive_bidding' END, place || thing || '第' || n || '号',"
    " '湘西州' || place, '位于' || place || '，按现状交付。',"
    " 1000000 + (n::bigint * 7919 % 900000) * 100, 10000, 100000, {profile},"
    " at, at + '14 days', at + '14 days', at + '14 days', NULL, at, at, at FROM numbered"
)
_REGISTRATIONS: Final = sql.SQL(
    "INSERT INTO registrations (registration, state, step, deposit_in, made_at, changed_at)"
    " SELECT 'R' || left(md5('r' || n), 16), ({states}::text[])[1 + n % {of_states}], 'receipt', n % 5 < 2,"
    " at, at FROM (SELECT n, {now}::timestamptz - n * interval '40 seconds' AS at"
    " FROM generate_series(1, {count}) AS n) AS numbered"
)
_LINKS: Final = sql.SQL(
    "INSERT INTO sealed_registrations (registration, pair_tag, lot_tag, account_tag, box)"
    " SELECT 'R' || left(md5('r' || n), 16), sha256(('p' || n)::bytea), sha256(('l' || n % {lots})::bytea),"
    " sha256(('a' || n % 50000)::bytea), sha256(('b' || n)::bytea) || sha256(('c' || n)::bytea)"
    " FROM generate_series(1, {count}) AS n"
)
"""Boxes that nobody opens: the rows of others beside which one's own are looked for."""


def fill(url: str, *, owner: int, profile: int, lots: int, registrations: int, now: datetime) -> None:
    """Lots and registrations, and fresh statistics for the planner."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET statement_timeout = 0")
        given = {"now": now, "lots": lots, "owner": owner, "profile": profile}
        lists = {"places": PLACES, "things": THINGS, "classes": CLASSES}
        _run(connection, _LOTS, {**given, **_arrays({**lists, "states": STATES}), "count": lots})
        more = _arrays({"states": REGISTRATION_STATES})
        _run(connection, _REGISTRATIONS, {**given, **more, "count": registrations})
        _run(connection, _LINKS, {**given, "count": registrations})
        for table in ("listings", "registrations", "sealed_registrations"):
            connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))


def _arrays(lists: dict[str, tuple[str, ...]]) -> dict[str, object]:
    counts = {f"of_{name}": len(values) for name, values in lists.items()}
    return {**{name: list(values) for name, values in lists.items()}, **counts}


def _run(
    connection: "psycopg.Connection[tuple[object, ...]]", query: sql.SQL, values: dict[str, object]
) -> None:
    text = query.format(**{name: sql.Literal(value) for name, value in values.items()})
    connection.execute(text)
