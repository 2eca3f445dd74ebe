"""The pages of payment, and who may use them. Whose order it is, each page looks for itself (own.py)."""

from typing import Final

from certificates.payments.reconciling import LARGEST
from web.certificates import pay, pay_code, pay_days, pay_demo, pay_finance, pay_refunds
from web.certificates.pay_notices import NOTICES
from web.routing import EVERYBODY, FINANCE, Page

_PAYMENT: Final = "/certificates/orders/{number}/payment"
_FINANCE: Final = "/finance/certificates"
_DAY: Final = "/finance/certificates/reconciliation/{reconciliation}"
_AROUND: Final = 64 << 10
"""Bytes of a form around its file."""

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", _PAYMENT, pay.show, EVERYBODY),
    Page("POST", _PAYMENT, pay.choose, EVERYBODY),
    Page("POST", f"{_PAYMENT}/code", pay_code.open_code, EVERYBODY),
    Page("GET", f"{_PAYMENT}/code", pay_code.code, EVERYBODY),
    Page("GET", f"{_PAYMENT}/code/standing", pay_code.standing, EVERYBODY),
    Page("POST", f"{_PAYMENT}/check", pay_code.check, EVERYBODY),
    Page("GET", "/certificates/orders/{number}/invoice.pdf", pay.invoice, EVERYBODY),
    NOTICES,
    Page("GET", "/demo/pay", pay_demo.enter, EVERYBODY),
    Page("GET", "/demo/pay/{charge}", pay_demo.show, EVERYBODY),
    Page("POST", "/demo/pay/{charge}", pay_demo.pay, EVERYBODY),
    Page("GET", _FINANCE, pay_finance.index, FINANCE),
    Page("GET", f"{_FINANCE}/receipts/{{receipt}}", pay_finance.receipt, FINANCE),
    Page("POST", f"{_FINANCE}/receipts/{{receipt}}/assign", pay_finance.assign, FINANCE),
    Page("POST", f"{_FINANCE}/receipts/{{receipt}}/return", pay_finance.give_back, FINANCE),
    Page("GET", f"{_FINANCE}/refunds", pay_refunds.refund_list, FINANCE),
    Page("GET", f"{_FINANCE}/refunds/{{refund}}", pay_refunds.one_refund, FINANCE),
    Page("POST", f"{_FINANCE}/refunds/{{refund}}/again", pay_refunds.again, FINANCE),
    Page("POST", f"{_FINANCE}/refunds/{{refund}}/handed-back", pay_refunds.handed_back, FINANCE),
    Page("GET", f"{_FINANCE}/reconciliation", pay_days.days, FINANCE),
    Page("POST", f"{_FINANCE}/reconciliation", pay_days.reconcile, FINANCE, LARGEST + _AROUND),
    Page("GET", f"{_FINANCE}/daily.csv", pay_days.daily_file, FINANCE),
    Page("GET", _DAY, pay_days.one_day, FINANCE),
    Page("POST", f"{_DAY}/take", pay_days.take_missing, FINANCE),
)
