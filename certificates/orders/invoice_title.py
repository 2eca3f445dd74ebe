"""Whether a title that was typed needs a tax number. Pure.

An enterprise's invoice has to carry its 18 places (统一社会信用代码), or it can't be booked; persons, and
government bodies that have none, leave it open. The subscriber's own name has its own code
(payments/invoices.py); whether another's name is an enterprise's, its last words say.
Source: spec/certificates.md, "PIN, invoice, delivery"; the request of the shared platform says
涉及单位报销的，必须填写税号. Which words make an enterprise is ours.
"""

import re
from collections.abc import Mapping
from typing import Final

from certificates.orders.reading import Fault, credit_code
from office.banking.payers import payer_key, same_payer

_COMPANY: Final = re.compile(
    r"公司|企业|集团|厂|银行|[支分]行|[商车药粮]行|店|超市|商场|合作社|事务所|经营部|门市部|工作室|酒店|宾馆"
)
_ENDS: Final = re.compile(
    rf"(?:{_COMPANY.pattern})(?:\([^()]*\))?(?:[^()]{{0,12}}(?:分公司|分厂|分店|营业部|项目部))?$"
    r"|(?:\b|\.|,)(?:ltd|inc|llc|limited|corporation|gmbh)\.?$"
)
_ENTERPRISE_CODE: Final = "9"
"""The first place of a code that the market regulator gave; government bodies have 1, associations 5."""


def is_enterprise(title: str) -> bool:
    """By the name alone: 示例有限公司, 示例厂（普通合伙）, 示例公司长沙分公司; not 示例县人民政府."""
    return _ENDS.search(payer_key(title)) is not None


def has_enterprise_code(code: str) -> bool:
    return code.startswith(_ENTERPRISE_CODE)


def fault_of(details: Mapping[str, str]) -> Fault | None:
    """What is wrong with the tax number that stands beside the title; None: nothing, or the title is not
    typed."""
    title, number = details.get("invoice_title", ""), details.get("tax_number", "")
    own = any(same_payer(title, details.get(name, "")) for name in ("organization_name", "applicant_name"))
    if own or not is_enterprise(title):
        return None
    if not number:
        return Fault.TAX_NUMBER_NEEDED
    return Fault.TAX_NUMBER if isinstance(credit_code(number), Fault) else None
