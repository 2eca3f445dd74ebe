"""Whose transfers are for which order: payers as keyed hashes, the channel's fixed remark."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import ChannelRules
from office.banking.payers import payer_key
from office.marks import Marks

_EXPECT: Final = text(
    "UPDATE order_accounts SET remark = :remark, payer_marks = :payers WHERE order_number = :number"
)


def payer_mark(marks: Marks, name: str) -> str:
    key = payer_key(name)
    return marks.mark("certificate payer", key) if key else ""


async def expect(
    connection: AsyncConnection, marks: Marks, number: str, rules: ChannelRules, details: Mapping[str, str]
) -> None:
    """Whose transfers with the channel's fixed remark are for this order; the order's own number always
    is.
    """
    remark = rules.beneficiary.remark.strip() if rules.beneficiary else ""
    names = (details.get("organization_name", ""), details.get("applicant_name", ""))
    payers = sorted({mark for name in names if (mark := payer_mark(marks, name))})
    values: dict[str, Any] = {"number": number, "remark": remark, "payers": payers if remark else []}
    await connection.execute(_EXPECT, values)
