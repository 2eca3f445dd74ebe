"""Market subjects over the pages, for tests."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.orderkit import CREDIT_CODE, ID_NUMBERS
from tests.webkit import Visitor

HERE = "/my/subject"


def organization(**changes: str) -> dict[str, str]:
    return {
        "kind": "organization",
        "organization_name": "测试有限公司",
        "credit_code": CREDIT_CODE,
        "organization_kind": "company",
        "organization_phone": "0743-8222222",
        "province": "湖南省",
        "city": "吉首市",
        "address": "人民北路 1 号",
        "representative_name": "王法人",
        "representative_document": "id_card",
        "representative_number": ID_NUMBERS[0],
        "representative_phone": "18612349043",
        "account_bank": "示例银行吉首支行",
        "account_number": "622202020011223344",
        **changes,
    }


def person(**changes: str) -> dict[str, str]:
    return {
        "kind": "natural_person",
        "applicant_name": "赵申请",
        "applicant_document": "id_card",
        "applicant_number": ID_NUMBERS[2],
        "applicant_phone": "13912345678",
        "applicant_email": "zs@example.cn",
        "province": "湖南省",
        "city": "吉首市",
        "address": "团结路 2 号",
        **changes,
    }


def operator(**changes: str) -> dict[str, str]:
    return {
        "login": "helper",
        "operator_name": "李经办",
        "operator_document": "id_card",
        "operator_number": ID_NUMBERS[1],
        "operator_phone": "15112340305",
        "operator_email": "jb@example.cn",
        "statement": "办理数字证书。",
        "last_day": "2099-12-31",
        **changes,
    }


async def version(visitor: Visitor, path: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', (await visitor.get(path)).text)
    assert found
    return found[1]


async def register(visitor: Visitor, form: Mapping[str, str]) -> httpx.Response:
    return await visitor.post(f"{HERE}/register", form)


async def checked(visitor: Visitor, check: str) -> httpx.Response:
    shown = await version(visitor, f"{HERE}/check")
    return await visitor.post(f"{HERE}/check", {"version": shown, "check": check})


async def verified(visitor: Visitor, form: Mapping[str, str]) -> None:
    """Registered, and the name checked by the telephone."""
    answer = await register(visitor, form)
    assert answer.status_code == 303, answer.text[:2000]
    kind = form["kind"] == "organization"
    answer = await checked(visitor, "legal_representative_mobile" if kind else "applicant_mobile")
    assert answer.headers["location"] == HERE, answer.headers


async def authorized(owner: Visitor, helper: Visitor, **changes: str) -> str:
    """The helper may act for the owner's organization; the number of the authority."""
    answer = await owner.post(f"{HERE}/operators", operator(**changes))
    assert answer.status_code == 303, re.findall(r'field__error"[^<]*<span.*?</p>', answer.text)
    page = (await helper.get(HERE)).text
    found = re.search(r"/my/subject/operators/(\d+)/take", page)
    assert found, page[-3000:]
    assert (await helper.post(f"{HERE}/operators/{found[1]}/take")).status_code == 303
    return found[1]


async def put_certificate(engine: AsyncEngine, serial: str, ends: datetime, **columns: Any) -> None:
    """One that a UKey has had for two years, as far as lists and reminders can tell. `columns`: number of the
    order, account_id, and whatever else shall be so."""
    async with engine.begin() as connection:
        request = text(
            "INSERT INTO authority_requests (kind, number, about, asked_at)"
            " VALUES ('certificate', :number, :serial, :ends) RETURNING id"
        )
        values = {"number": columns["number"], "serial": serial, "ends": ends}
        row = {
            **values,
            "request_id": await connection.scalar(request, values),
            "fingerprint": f"{serial:0>64}",
            "state": "written",
            "follows": "",
            "product": "unit_12",
            "written_at": ends - timedelta(days=731),
            "revoked_at": None,
            **columns,
        }
        put = text(
            "INSERT INTO issued_certificates (serial, fingerprint, request_id, number, account_id, state,"
            " channel, authority, subject, product, medium, crypto_card, follows, valid_from, valid_until,"
            " box, made_at, written_at, revoked_at)"
            " VALUES (:serial, :fingerprint, :request_id, :number, :account_id, :state, 'hunan_shared',"
            " 'bjca', 'organization', :product, 'M-1', 'C-1', :follows, :ends - interval '731 days', :ends,"
            " '', :ends - interval '731 days', :written_at, :revoked_at)"
        )
        await connection.execute(put, row)
