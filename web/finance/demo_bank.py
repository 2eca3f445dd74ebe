"""The bank of the demonstration: somebody "transfers", and the bank tells the platform as a real one would.

To a sub-account, for a deposit or a price; or to an authority's account with the remark that an order asks
for.

It signs a notification with the bank's key and sends it to the platform's own webhook, through the whole
application. It also gives out the statement that finance would get from the bank. Only with `settings.demo`.
"""

import json
import re
import secrets
from datetime import datetime
from typing import Any, Final

import httpx
from pydantic import SecretStr
from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.store import Catalogue
from office.banking.amounts import plain
from office.banking.banks import Bank, banks
from office.banking.numbers import is_number, shown
from office.banking.signed import signed_headers
from office.money import NotAnAmount, typed_fen
from trading.deposits.demo_statements import statement_of
from trading.working_days import BEIJING
from web.amounts import AMOUNT_FAULTS
from web.finance.rooms import download
from web.languages import N_
from web.pages import page
from web.site import Site
from web.visits import Visit

HERE: Final = "/demo/bank"
MOST_TRANSFERS: Final = 20_000
_NUMBER: Final = re.compile(r"[0-9]{8,30}")
_PUT: Final = text(
    "INSERT INTO demo_bank_transfers (bank, serial, form, payer_name, payer_account, sub_account, amount,"
    " remark, at) VALUES (:bank, :serial, :form, :payer_name, :payer_account, :sub_account, :amount, :remark,"
    " :at) ON CONFLICT (form) DO NOTHING"
)


def _only_in_demo(visit: Visit) -> None:
    if not visit.site.settings.demo:
        raise HTTPException(404)


async def form(visit: Visit) -> Response:
    _only_in_demo(visit)
    number = "".join(visit.query("account", 40).split())
    own = visit.signed_in.name if visit.signed_in is not None else ""
    typed = {
        "account": number if _NUMBER.fullmatch(number) else "",
        "amount": visit.query("amount", 20),
        "name": visit.query("name", 100) or own,
        "remark": visit.query("remark", 100),
    }
    return _form(visit, typed, {})


def _form(visit: Visit, typed: dict[str, str], errors: dict[str, str]) -> Response:
    return page(
        visit,
        "finance/demo_bank.html",
        422 if errors else 200,
        typed=typed,
        errors=errors,
        token=visit.form.get("form") or secrets.token_hex(16),
        banks=banks(),
    )


async def transfer(visit: Visit) -> Response:
    """Pay. The same form again is the same transfer, and its notification is sent once more."""
    _only_in_demo(visit)
    typed = {name: visit.form.get(name, "").strip() for name in ("account", "amount", "name", "remark")}
    token = visit.form.get("form", "")[:40]
    amount, errors = _checked(visit, typed)
    if errors or not token:
        return _form(visit, typed, errors or {"": visit.text(N_("页面不完整，请刷新后再试。"))})
    number = "".join(typed["account"].split())
    bank = await _bank_of(visit.site, number)
    if bank is None:
        return _form(visit, typed, {"account": visit.text(N_("没有哪家银行有这样的账号。"))})
    sent = await _send(visit, bank, await _put(visit, bank, token, number, amount, typed))
    return _told(visit, bank, number, amount, sent)


def _checked(visit: Visit, typed: dict[str, str]) -> tuple[int, dict[str, str]]:
    errors, amount = {}, 0
    number = "".join(typed["account"].split())
    if not _NUMBER.fullmatch(number):
        errors["account"] = visit.text(N_("账号是 8 到 30 位数字，请核对。"))
    elif any(number.startswith(bank.sub_account_prefix) for bank in banks().values()) and not (
        is_number(number) or _own_bank(number)
    ):
        errors["account"] = visit.text(N_("子账号是 18 位数字，请核对：号码里有一位不对。"))
    try:
        amount = typed_fen(typed["amount"])
    except NotAnAmount as wrong:
        errors["amount"] = visit.text(AMOUNT_FAULTS[wrong.fault])
    if not 0 < len(typed["name"]) <= 100:
        errors["name"] = visit.text(N_("请填写付款户名。"))
    if len(typed["remark"]) > 100:
        errors["remark"] = visit.text(N_("附言最多 100 个字。"))
    return amount, errors


async def _bank_of(site: Site, number: str) -> Bank | None:
    """Where the account is; those of the authorities are all kept by the bank that notifies."""
    if is_number(number):
        return next((bank for bank in banks().values() if number.startswith(bank.sub_account_prefix)), None)
    if (own := _own_bank(number)) is not None:
        return own
    channels = await Catalogue(site.engine).channels()
    known = {
        "".join(one.rules.beneficiary.number.split()) for one in channels if one.rules.beneficiary is not None
    }
    return next((bank for bank in banks().values() if bank.notifies), None) if number in known else None


def _own_bank(number: str) -> Bank | None:
    return next((bank for bank in banks().values() if bank.account == number), None)


async def _put(
    visit: Visit, bank: Bank, token: str, number: str, amount: int, typed: dict[str, str]
) -> dict[str, Any]:
    """The transfer as the bank has it, new or as it was made with this form before."""
    at = visit.site.clock().replace(microsecond=0)
    values = {
        "bank": bank.id,
        "serial": f"D{at.astimezone(BEIJING):%Y%m%d%H%M%S}{secrets.randbelow(10**6):06d}",
        "form": token,
        "payer_name": typed["name"],
        "payer_account": _own_account(typed["name"]),
        "sub_account": number if is_number(number) else "",
        "amount": amount,
        "remark": typed["remark"] or number,
        "at": at,
    }
    async with visit.site.engine.begin() as connection:
        if (
            int(await connection.scalar(text("SELECT count(*) FROM demo_bank_transfers")) or 0)
            < MOST_TRANSFERS
        ):
            await connection.execute(_PUT, values)
        found = text("SELECT * FROM demo_bank_transfers WHERE form = :form")
        row = (await connection.execute(found, {"form": token})).one_or_none()
    if row is None:
        raise HTTPException(503, "busy")
    return dict(row._mapping)


def _own_account(name: str) -> str:
    """A number for a name, the same each time; it looks like none of a real bank."""
    return f"99990{sum(ord(char) * (place + 7) for place, char in enumerate(name)):011d}"


async def _send(visit: Visit, bank: Bank, made: dict[str, Any]) -> bool | None:
    """To the real webhook. None: this bank sends no notifications."""
    keys = visit.site.settings.bank_keys.get(bank.id, ())
    if not bank.notifies or not keys:
        return None
    body = _body(made)
    headers = _headers(keys[0], body, visit.site.clock())
    transport = httpx.ASGITransport(app=visit.request.app)
    async with httpx.AsyncClient(transport=transport, base_url=visit.site.settings.public_url) as client:
        answer = await client.post(f"/bank/{bank.id}/notifications", content=body, headers=headers)
    return answer.status_code == 200


def _body(made: dict[str, Any]) -> bytes:
    transaction = {
        "serial": made["serial"],
        "amount": plain(made["amount"]),
        "value_time": made["at"].astimezone(BEIJING).isoformat(),
        "payer_name": made["payer_name"],
        "payer_account": made["payer_account"],
        "payer_bank": "示例银行吉首支行",
        "sub_account": made["sub_account"],
        "remark": made["remark"],
    }
    return json.dumps({"transactions": [transaction]}, ensure_ascii=False).encode()


def _headers(key: SecretStr, body: bytes, now: datetime) -> dict[str, str]:
    signed = signed_headers(key, body, nonce=secrets.token_urlsafe(24), now=now)
    return {**signed, "content-type": "application/json"}


def _told(visit: Visit, bank: Bank, number: str, amount: int, sent: bool | None) -> Response:
    facts = {"amount": plain(amount), "number": shown(number), "bank": bank.name}
    if sent is False:
        said = N_("已从您的账户划出 %(amount)s 元，但平台还没有收到银行通知。财务导入对账单后入账。")
        return visit.refused(HERE, visit.text(said) % facts)
    if sent and not is_number(number):
        said = N_("已转账 %(amount)s 元，银行已通知平台。附言和户名都对的，几秒后订单自动继续办理。")
        return visit.done(f"{HERE}?account={number}", visit.text(said) % facts)
    said = (
        N_("已转账 %(amount)s 元到子账号 %(number)s，银行已通知平台。几秒后可在“我的保证金”查看。")
        if sent
        else N_("已转账 %(amount)s 元到子账号 %(number)s。%(bank)s不发通知，财务导入对账单后入账。")
    )
    return visit.done(f"{HERE}?account={number}", visit.text(said) % facts)


async def statement(visit: Visit) -> Response:
    """What finance gets from this bank: everything that was paid in and out."""
    _only_in_demo(visit)
    bank = banks().get(visit.query("bank"))
    if bank is None:
        raise HTTPException(404)
    content = await statement_of(visit.site.engine, bank)
    return download(content, f"{bank.id}-statement.csv", "text/csv; charset=gb18030")
