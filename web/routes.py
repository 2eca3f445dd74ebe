"""All pages, and who may use them. tests/integration/test_web_roles.py walks this table as every role."""

from typing import Final

from web import lots, signing_in
from web.routing import EVERYBODY, Page

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/", lots.index, EVERYBODY),
    Page("GET", "/lots", lots.lots_redirect, EVERYBODY),
    Page("GET", "/lots/{lot}", lots.show, EVERYBODY),
    Page("GET", "/lots/{lot}/room", lots.room, EVERYBODY),
    Page("GET", "/sign-in", signing_in.form, EVERYBODY, during_maintenance=True),
    Page("POST", "/sign-in", signing_in.sign_in, EVERYBODY, during_maintenance=True),
    Page("POST", "/sign-out", signing_in.sign_out, EVERYBODY, during_maintenance=True),
    Page("POST", "/locale", signing_in.choose_locale, EVERYBODY, during_maintenance=True),
)
