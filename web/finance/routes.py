"""The pages of this folder, and who may use them."""

from typing import Final

from office.banking.imports import LARGEST
from trading.deposits.batch_files import LARGEST_CONFIRMATION
from web.checking import UploadPage
from web.finance import (
    demo_bank,
    deposits,
    invoices,
    journal,
    my_deposits,
    overview,
    prices,
    proposing,
    refunds,
    statements,
    transactions,
)
from web.finance.notices import NOTICES
from web.routing import BIDDERS, EVERYBODY, FINANCE, SIGNED_IN, Page

_STATEMENT: Final = "/finance/statements/{statement}"
_TRANSACTION: Final = "/finance/transactions/{transaction}"
_REFUND: Final = "/finance/refunds/{refund}"
_BATCH: Final = "/finance/batches/{batch}"
_INVOICE: Final = "/finance/invoices/{number}"
_AROUND: Final = 64 << 10
"""Bytes of a form around its file."""

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/finance", overview.index, FINANCE),
    Page("POST", "/finance/complete", overview.mark_complete, FINANCE),
    Page("GET", "/finance/statements", statements.index, FINANCE),
    UploadPage("POST", "/finance/statements", statements.upload, FINANCE, LARGEST + _AROUND),
    Page("GET", _STATEMENT, statements.show, FINANCE),
    Page("POST", f"{_STATEMENT}/import", statements.import_one, FINANCE),
    Page("GET", "/finance/transactions", transactions.index, FINANCE),
    Page("GET", _TRANSACTION, transactions.show, FINANCE),
    Page("POST", f"{_TRANSACTION}/return", transactions.give_back, FINANCE),
    Page("POST", f"{_TRANSACTION}/assign", transactions.assign, FINANCE),
    Page("POST", f"{_TRANSACTION}/order", transactions.assign_to_order, FINANCE),
    Page("POST", f"{_TRANSACTION}/accept", transactions.accept, FINANCE),
    Page("GET", "/finance/deposits", deposits.index, FINANCE),
    Page("GET", "/finance/deposits/{number}", deposits.show, FINANCE),
    Page("GET", "/finance/proposals", proposing.index, FINANCE),
    Page("POST", "/finance/proposals/{proposal}", proposing.decide, FINANCE),
    Page("GET", "/finance/refunds", refunds.index, FINANCE),
    Page("GET", _REFUND, refunds.show, FINANCE),
    Page("POST", f"{_REFUND}/again", refunds.again, FINANCE),
    Page("POST", f"{_REFUND}/payee", refunds.change_payee, FINANCE),
    Page("GET", "/finance/batches", refunds.batches, FINANCE),
    Page("POST", "/finance/batches", refunds.make_batch, FINANCE),
    Page("GET", _BATCH, refunds.batch, FINANCE),
    Page("GET", f"{_BATCH}/file.{{kind}}", refunds.batch_file, FINANCE),
    UploadPage("POST", f"{_BATCH}/confirm", refunds.confirm, FINANCE, LARGEST_CONFIRMATION + _AROUND),
    Page("GET", "/finance/prices", prices.index, FINANCE),
    Page("GET", "/finance/prices/{lot}", prices.show, FINANCE),
    Page("POST", "/finance/prices/{lot}/pay-out", prices.pay_out, FINANCE),
    Page("GET", "/finance/journal", journal.index, FINANCE),
    Page("GET", "/finance/journal/accounts", journal.accounts, FINANCE),
    Page("GET", "/finance/journal/postings", journal.postings, FINANCE),
    Page("GET", "/finance/invoices", invoices.index, FINANCE),
    Page("GET", f"{_INVOICE}.pdf", invoices.pdf, FINANCE),
    Page("GET", _INVOICE, invoices.show, FINANCE),
    Page("POST", f"{_INVOICE}/correct", invoices.reissue, FINANCE),
    Page("GET", "/sales/{lot}/invoices/{number}.pdf", invoices.pdf_of_sale, SIGNED_IN),
    NOTICES,
    Page("GET", "/my/deposits", my_deposits.index, BIDDERS),
    Page("GET", "/demo/bank", demo_bank.form, EVERYBODY),
    Page("POST", "/demo/bank", demo_bank.transfer, EVERYBODY),
    Page("GET", "/demo/bank/statement.csv", demo_bank.statement, FINANCE),
)
