"""The pages of this folder, and who may use them."""

from typing import Final

from web.oversight import auditing, messages
from web.routing import ADMINISTRATORS, EVERYBODY, OVERSEERS, SIGNED_IN, Page

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/my/messages", messages.index, SIGNED_IN),
    Page("POST", "/my/messages/read-all", messages.read_all, SIGNED_IN),
    Page("POST", "/my/messages/{message}/open", messages.open_one, SIGNED_IN),
    Page("GET", "/demo/outbox", messages.outbox, EVERYBODY),
    Page("GET", "/oversight/deliveries", messages.deliveries, ADMINISTRATORS),
    Page("GET", "/audit", auditing.index, OVERSEERS),
    Page("GET", "/audit/export.{kind}", auditing.export, OVERSEERS),
    Page("POST", "/audit/verify", auditing.verify, OVERSEERS),
    Page("POST", "/audit/reveal", auditing.reveal, OVERSEERS),
)
