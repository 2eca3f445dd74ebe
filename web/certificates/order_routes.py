"""The pages of orders, and who may use them. Whose order it is, each page looks for itself (own.py): an order
is also open to the browser in which its operator's telephone was proved, without an account."""

from typing import Final

from certificates.seal_standard import MAX_UPLOAD
from web.certificates import (
    access,
    apply,
    begin,
    first_pin,
    held,
    material,
    mine,
    order_pages,
    phone,
    proving,
    query,
)
from web.certificates.own import APPLICANTS
from web.certificates.pay_routes import PAGES as PAYMENT
from web.routing import EVERYBODY, Page

_ORDER: Final = "/certificates/orders/{number}"
_QUERY: Final = "/certificates/query"
SEAL_LIMIT: Final = MAX_UPLOAD + (64 << 10)
PHOTO_LIMIT: Final = proving.LARGEST_PHOTO + (64 << 10)

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/certificates/apply", begin.begin_page, EVERYBODY),
    Page("POST", "/certificates/apply", begin.begin, EVERYBODY),
    Page("GET", "/my/certificates", mine.index, APPLICANTS),
    Page("GET", held.HERE, held.index, APPLICANTS),
    Page("GET", _ORDER, order_pages.show, EVERYBODY),
    Page("GET", f"{_ORDER}/go-on", order_pages.go_on, EVERYBODY),
    Page("POST", f"{_ORDER}/change", order_pages.change, EVERYBODY),
    Page("POST", f"{_ORDER}/cancel", order_pages.cancel, EVERYBODY),
    Page("POST", f"{_ORDER}/resubmit", order_pages.resubmit, EVERYBODY),
    Page("POST", f"{_ORDER}/receive", order_pages.receive, EVERYBODY),
    Page("GET", f"{_ORDER}/forms/{{form}}.pdf", order_pages.form, EVERYBODY),
    Page("GET", f"{_ORDER}/material", material.show, EVERYBODY),
    Page("POST", f"{_ORDER}/material", material.finish, EVERYBODY),
    Page("POST", f"{_ORDER}/files", material.upload, EVERYBODY, material.UPLOAD_LIMIT),
    Page("GET", f"{_ORDER}/files/{{file}}", material.give, EVERYBODY),
    Page("GET", f"{_ORDER}/files/{{file}}/preview", material.preview, EVERYBODY),
    Page("POST", f"{_ORDER}/files/{{file}}/remove", material.remove, EVERYBODY),
    Page("GET", f"{_ORDER}/consent", proving.consent_page, EVERYBODY),
    Page("POST", f"{_ORDER}/consent", proving.consent, EVERYBODY),
    Page("POST", f"{_ORDER}/consent/code", proving.send_code, EVERYBODY),
    Page("GET", f"{_ORDER}/identity", proving.identity_page, EVERYBODY),
    Page("POST", f"{_ORDER}/identity", proving.identified, EVERYBODY),
    Page("POST", f"{_ORDER}/identity/{{person}}", proving.identify, EVERYBODY, PHOTO_LIMIT),
    Page("POST", f"{_ORDER}/pin", first_pin.again, EVERYBODY),
    *PAYMENT,
    Page("GET", f"{_ORDER}/{{step}}", apply.show, EVERYBODY),
    Page("POST", f"{_ORDER}/seal_check", apply.save, EVERYBODY, SEAL_LIMIT),
    Page("POST", f"{_ORDER}/{{step}}", apply.save, EVERYBODY),
    Page("GET", phone.HERE, phone.form, EVERYBODY),
    Page("POST", phone.HERE, phone.ask, EVERYBODY),
    Page("GET", f"{phone.HERE}/{{question}}", phone.code_form, EVERYBODY),
    Page("POST", f"{phone.HERE}/{{question}}/code", phone.send_again, EVERYBODY),
    Page("POST", f"{phone.HERE}/{{question}}", phone.prove, EVERYBODY),
    Page("GET", _QUERY, query.form, EVERYBODY),
    Page("POST", _QUERY, query.ask, EVERYBODY),
    Page("GET", f"{_QUERY}/orders", query.orders, EVERYBODY),
    Page("GET", f"{_QUERY}/{{question}}", query.applicants, EVERYBODY),
    Page("POST", access.HERE, access.end, EVERYBODY),
    Page("POST", f"{_QUERY}/{{question}}/code", query.send_code, EVERYBODY),
    Page("POST", f"{_QUERY}/{{question}}", query.prove, EVERYBODY),
)
