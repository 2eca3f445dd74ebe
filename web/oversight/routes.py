"""The pages of this folder, and who may use them."""

from typing import Final

from office.accounts import Role
from web.oversight import (
    auditing,
    contact_pages,
    device_check,
    messages,
    objection_pages,
    recovering,
    sign_ins,
    watching,
)
from web.routing import ADMINISTRATORS, EVERYBODY, OVERSEERS, SEALERS, SIGNED_IN, Page

REGULATORS: Final = frozenset({Role.REGULATOR})

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/my/messages", messages.index, SIGNED_IN),
    Page("POST", "/my/messages/read-all", messages.read_all, SIGNED_IN),
    Page("POST", "/my/messages/{message}/open", messages.open_one, SIGNED_IN),
    Page("GET", "/my", sign_ins.hub, SIGNED_IN),
    Page("GET", "/my/sign-ins", sign_ins.index, SIGNED_IN),
    Page("GET", "/my/contacts", contact_pages.index, SIGNED_IN),
    Page("POST", "/my/contacts/ask", contact_pages.ask, SIGNED_IN),
    Page("POST", "/my/contacts/verify", contact_pages.verify, SIGNED_IN),
    Page("POST", "/my/contacts/remove", contact_pages.remove, SIGNED_IN),
    Page("GET", "/recover", recovering.form, EVERYBODY),
    Page("POST", "/recover", recovering.ask, EVERYBODY),
    Page("POST", "/recover/code", recovering.set_anew, EVERYBODY),
    Page("GET", "/device-check", device_check.index, EVERYBODY, during_maintenance=True),
    Page("GET", "/device-check/clock", device_check.clock, EVERYBODY, during_maintenance=True),
    Page("GET", "/demo/outbox", messages.outbox, EVERYBODY),
    Page("GET", "/oversight/deliveries", messages.deliveries, ADMINISTRATORS),
    Page("GET", "/my/objections", objection_pages.mine, SEALERS),
    Page("GET", "/objections/new", objection_pages.new_form, SEALERS),
    Page("POST", "/objections/new", objection_pages.make, SEALERS, objection_pages.BODY_LIMIT),
    Page("GET", "/objections", objection_pages.index, OVERSEERS),
    Page("GET", "/objections/{objection}", objection_pages.show, SIGNED_IN),
    Page("GET", "/objections/{objection}/file", objection_pages.file, SIGNED_IN),
    Page("POST", "/objections/{objection}/withdraw", objection_pages.withdraw, SEALERS),
    Page("POST", "/objections/{objection}/answer", objection_pages.answer, ADMINISTRATORS),
    Page("POST", "/objections/{objection}/suspend", objection_pages.suspend, ADMINISTRATORS),
    Page("GET", "/oversight", watching.hub, OVERSEERS),
    Page("GET", "/oversight/patterns", watching.lots, REGULATORS),
    Page("POST", "/oversight/patterns/pairs", watching.pairs, REGULATORS),
    Page("GET", "/oversight/patterns/{lot}", watching.of_lot, REGULATORS),
    Page("GET", "/oversight/defaulters", watching.defaulters, OVERSEERS),
    Page("POST", "/oversight/defaulters/{entry}/lift", watching.lift, ADMINISTRATORS),
    Page("GET", "/audit", auditing.index, OVERSEERS),
    Page("GET", "/audit/export.{kind}", auditing.export, OVERSEERS),
    Page("POST", "/audit/verify", auditing.verify, OVERSEERS),
    Page("POST", "/audit/reveal", auditing.reveal, OVERSEERS),
)
