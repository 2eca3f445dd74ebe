"""The pages of the catalogue, and who may use them."""

from typing import Final

from web.certificates import catalogue_admin as admin
from web.certificates import catalogue_pages as pages
from web.routing import ADMINISTRATORS, EVERYBODY, OVERSEERS, Page

_VERSION: Final = f"{admin.HERE}/{{version}}"
_TEXT_LIMIT: Final = 1024 * 1024
"""A text of 256 KB, percent-encoded."""

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", pages.HERE, pages.index, EVERYBODY),
    Page("GET", f"{pages.HERE}/{{channel}}", pages.channel, EVERYBODY),
    Page("GET", f"{pages.HERE}/{{channel}}/about/{{service}}/{{subject}}/{{way}}", pages.about, EVERYBODY),
    Page("GET", admin.HERE, admin.index, OVERSEERS),
    Page("GET", f"{admin.HERE}/new", admin.new, ADMINISTRATORS),
    Page("POST", f"{admin.HERE}/new", admin.add, ADMINISTRATORS, _TEXT_LIMIT, keeps_unsent=True),
    Page("GET", _VERSION, admin.show, OVERSEERS),
    Page("POST", f"{_VERSION}/draft", admin.PAGES.draft, ADMINISTRATORS),
    Page("GET", f"{_VERSION}/text", admin.edit_text, ADMINISTRATORS),
    Page("POST", f"{_VERSION}/text", admin.save_text, ADMINISTRATORS, _TEXT_LIMIT, keeps_unsent=True),
    Page("GET", f"{_VERSION}/form", admin.edit_form, ADMINISTRATORS),
    Page("POST", f"{_VERSION}/form", admin.save_form, ADMINISTRATORS, keeps_unsent=True),
    Page("POST", f"{_VERSION}/publish", admin.PAGES.publish, ADMINISTRATORS),
    Page("POST", f"{_VERSION}/discard", admin.PAGES.discard, ADMINISTRATORS),
)
"""Other pages under /certificates stand before these: {channel} would take their names."""
