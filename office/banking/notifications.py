"""What banks notify as it happens.

    POST /bank/{bank}/notifications            signed, fresh, once (office/banking/signed.py)
    {"transactions": [{"serial": "…", "amount": "50000.00", "value_time": "2026-03-01T10:00:05+08:00",
                       "payer_name": "…", "payer_account": "…", "payer_bank": "…", "sub_account": "…",
                       "remark": "…"}]}

A notification only ever adds transactions with serial numbers: the statement that comes later finds them
known.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from office.banking.banks import banks
from office.banking.numbers import found_in
from office.banking.signed import Facts, MessageRefused, Refusal, checked, use_nonce
from office.banking.statements import LONGEST, BankRow
from office.banking.taking import Conflicts, Source, Taken, take

LARGEST_BODY: Final = 64 << 10
MOST_TRANSACTIONS: Final = 100
LONGEST_FIELD: Final = 60
_FIELDS: Final = ("payer_name", "payer_account", "payer_bank", "sub_account", "remark")

Keys = Mapping[str, Sequence[SecretStr]]
"""The keys of each bank; two while one replaces the other."""


SHORTEST_KEY: Final = 32


def read_keys(written: str) -> dict[str, tuple[SecretStr, ...]]:
    """ "shifan=KEY,shifan=NEXT": the keys of each bank. Raises ValueError, without the key in its text."""
    keys: dict[str, tuple[SecretStr, ...]] = {}
    for place, part in enumerate(filter(None, (each.strip() for each in written.split(","))), start=1):
        bank, separator, key = part.partition("=")
        if not separator or bank not in banks() or not banks()[bank].notifies:
            raise ValueError(f"no. {place} does not name a bank that notifies")
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"no. {place} is shorter than {SHORTEST_KEY} characters")
        keys[bank] = (*keys.get(bank, ()), SecretStr(key))
    return keys


class Notifications:
    """The receiving end, for all banks."""

    def __init__(self, engine: AsyncEngine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys

    async def receive(self, bank: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Taken:
        """Take what a bank says. Raises MessageRefused."""
        notifies = bank in banks() and banks()[bank].notifies
        keys = self._keys.get(bank, ()) if notifies else ()
        nonce = checked(keys, headers, body, now=now, largest=LARGEST_BODY)
        rows = parse(body)
        try:
            async with self._engine.begin() as connection:
                await use_nonce(connection, f"bank {bank}", nonce, now)
                return await take(connection, bank, rows, source=Source.NOTIFICATION, now=now)
        except Conflicts as wrong:
            raise MessageRefused(Refusal.CONFLICTING, str(len(wrong.serials))) from wrong


def parse(body: bytes) -> tuple[BankRow, ...]:
    """Raises MessageRefused."""
    told = Facts.of(body).objects("transactions", MOST_TRANSACTIONS)
    parsed = tuple(_row(place, row) for place, row in enumerate(told, start=1))
    if len({row.serial for row in parsed}) != len(parsed):
        raise MessageRefused(Refusal.MALFORMED, "serial")
    return parsed


def _row(place: int, told: Facts) -> BankRow:
    texts = {name: told.text(name, LONGEST.get(name, LONGEST_FIELD)) for name in _FIELDS}
    serial = told.text("serial", LONGEST.get("serial", LONGEST_FIELD))
    if not serial or serial.startswith("#"):
        raise MessageRefused(Refusal.MALFORMED, "serial")
    number = found_in(texts.pop("sub_account"), texts["remark"])
    return BankRow(
        line=place,
        serial=serial,
        amount=told.amount("amount"),
        value_time=told.moment("value_time"),
        sub_account=number,
        **texts,
    )
