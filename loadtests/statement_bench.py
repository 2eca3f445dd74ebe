"""Bank statements of 100,000 rows: how long reading, importing and matching them takes.

    rows = asyncio.run(measure(engine, files))

The statement goes the way of every upload (office/banking/imports.py), into a database that is migrated;
`by` is an account. Floor: a plain COPY of the same file into one table without an index.
"""

import io
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from loadtests.rows import Row
from office.banking.imports import Statements
from office.files import Files

ROWS: Final = 100_000
WITHIN_S: Final = 20.0
_HEADINGS: Final = "交易流水号,交易时间,贷方发生额,借方发生额,对方户名,对方账号,对方开户行,子账号,摘要"
_FLOOR: Final = (
    "CREATE TEMPORARY TABLE floor (serial text, at timestamp, into_ text, out_ text, name text, account text,"
    " bank text, sub_account text, remark text) ON COMMIT DROP"
)


def lines(rows: int, start: datetime) -> Iterator[str]:
    """A statement, a row a second: one in seven goes out, none has a sub-account of ours."""
    for row in range(rows):
        amount = f"{row % 90_000 + 1}.{row % 100:02d}"
        into, out = ("", amount) if row % 7 == 0 else (amount, "")
        at = start + timedelta(seconds=row)
        yield (
            f"L{row:09d},{at:%Y-%m-%d %H:%M:%S},{into},{out},付款人{row % 5000},62220000{row:08d},"
            f"示例银行吉首支行,,第{row}笔往来"
        )


def statement(rows: int, start: datetime, *, encoding: str = "gb18030") -> bytes:
    return "\n".join((_HEADINGS, *lines(rows, start), "")).encode(encoding)


async def measure(
    engine: AsyncEngine, files: Files, *, by: int, now: datetime, rows: int = ROWS
) -> list[Row]:
    """Rows for `make bench`."""
    start = datetime(2026, 1, 5)  # noqa: DTZ001 - as banks write it, Beijing's
    data = statement(rows, start)
    statements = Statements(engine, files)
    began = time.perf_counter()
    uploaded = await statements.preview("shifan", "bench.csv", data, by=by, now=now)
    read_s = time.perf_counter() - began
    began = time.perf_counter()
    done = await statements.import_one(uploaded.id, by=by, now=now)
    import_s = time.perf_counter() - began
    if done.taken != rows:
        raise RuntimeError(f"{done.taken} of {rows} rows were taken")
    floor_s = await floor(engine, rows, start)
    return [
        Row("reading a statement of 100,000 rows", read_s, "s", target=f"value <= {WITHIN_S:g}"),
        Row(
            "importing a statement of 100,000 rows",
            import_s,
            "s",
            floor_s,
            f"value <= {WITHIN_S:g}",
            note="compared, posted in the journal; floor: COPY into one table without index",
        ),
    ]


async def floor(engine: AsyncEngine, rows: int, start: datetime) -> float:
    """Seconds that the database itself takes for so many rows."""
    data = io.BytesIO("\n".join(lines(rows, start)).encode())
    began = time.perf_counter()
    async with engine.begin() as connection:
        await connection.execute(text(_FLOOR))
        raw: Any = (await connection.get_raw_connection()).driver_connection
        async with raw.cursor() as cursor, cursor.copy("COPY floor FROM STDIN (FORMAT csv)") as copy:
            await copy.write(data.getvalue())
    return time.perf_counter() - began
