"""The pages of payment, and who may use them. Whose order it is, each page looks for itself (own.py)."""

from typing import Final

from web.certificates import pay, pay_demo
from web.certificates.pay_notices import NOTICES
from web.routing import EVERYBODY, Page

_PAYMENT: Final = "/certificates/orders/{number}/payment"

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", _PAYMENT, pay.show, EVERYBODY),
    Page("POST", _PAYMENT, pay.choose, EVERYBODY),
    Page("POST", f"{_PAYMENT}/code", pay.open_code, EVERYBODY),
    Page("GET", f"{_PAYMENT}/code", pay.code, EVERYBODY),
    Page("POST", f"{_PAYMENT}/check", pay.check, EVERYBODY),
    NOTICES,
    Page("GET", "/demo/pay/{charge}", pay_demo.show, EVERYBODY),
    Page("POST", "/demo/pay/{charge}", pay_demo.pay, EVERYBODY),
)
