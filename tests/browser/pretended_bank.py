"""A pretended bank: it notifies the platform as real ones do, signed, and exports statements for finance."""

import csv
import io
import itertools
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import httpx
from pydantic import SecretStr

from office.banking.signed import signed_headers
from trading.working_days import BEIJING

BANK: Final = "shifan"
KEY: Final = "the-key-of-the-pretended-bank-in-tests"
HEADINGS: Final = (
    *("交易流水号", "交易时间", "借方发生额", "贷方发生额"),
    *("对方户名", "对方账号", "对方开户行", "子账号", "摘要"),
)
_serials = itertools.count(1)


@dataclass(frozen=True)
class Transfer:
    """Money that came in. `yuan` as it is printed."""

    serial: str
    payer: str
    account: str
    sub_account: str
    yuan: str
    at: datetime


@dataclass
class PretendedBank:
    """`now` is the trading clock: the bank and the platform live on the same day."""

    address: str
    now: Callable[[], datetime]
    booked: list[Transfer] = field(default_factory=list)

    def books(self, payer: str, sub_account: str, yuan: float, account: str = "6222000000000001") -> Transfer:
        """A transfer that stands in the next statement; the platform does not know of it yet."""
        serial = f"SF{next(_serials):08d}{secrets.token_hex(2).upper()}"
        made = Transfer(serial, payer, account, sub_account, f"{yuan:.2f}", self.now())
        self.booked.append(made)
        return made

    def pays(self, payer: str, sub_account: str, yuan: float) -> Transfer:
        """A transfer of which the platform is notified at once."""
        made = self.books(payer, sub_account, yuan)
        self.notifies(made)
        return made

    def notifies(self, transfer: Transfer) -> None:
        said = {
            "serial": transfer.serial,
            "amount": transfer.yuan,
            "value_time": transfer.at.astimezone(BEIJING).isoformat(timespec="seconds"),
            "payer_name": transfer.payer,
            "payer_account": transfer.account,
            "payer_bank": "示例银行吉首支行",
            "sub_account": transfer.sub_account,
            "remark": "",
        }
        body = json.dumps({"transactions": [said]}, ensure_ascii=False).encode()
        headers = signed_headers(SecretStr(KEY), body, nonce=secrets.token_urlsafe(24), now=self.now())
        headers["content-type"] = "application/json"
        answer = httpx.post(
            f"{self.address}/bank/{BANK}/notifications", content=body, headers=headers, timeout=30
        )
        assert answer.status_code == 200, answer.text

    def statement(self) -> bytes:
        """Everything that was booked, as the bank exports it."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(HEADINGS)
        for each in self.booked:
            at = f"{each.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
            row = (each.serial, at, "", each.yuan, each.payer, each.account, "示例银行吉首支行")
            writer.writerow((*row, each.sub_account, "保证金"))
        return out.getvalue().encode("gbk")
