"""The pages of rule profiles, working days and the demonstration's clock, and who may use them."""

from typing import Final

from web import demo_clock
from web.listings import profile_pages, working_day_pages
from web.routing import ADMINISTRATORS, OVERSEERS, SIGNED_IN, Page

_PROFILES: Final = "/administration/profiles"
_PROFILE: Final = f"{_PROFILES}/{{version}}"
_DAYS: Final = "/administration/working-days"

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", _PROFILES, profile_pages.index, OVERSEERS),
    Page("GET", _PROFILE, profile_pages.show, OVERSEERS),
    Page("POST", f"{_PROFILE}/draft", profile_pages.PAGES.draft, ADMINISTRATORS),
    Page("GET", f"{_PROFILE}/edit", profile_pages.edit, ADMINISTRATORS),
    Page("POST", f"{_PROFILE}/edit", profile_pages.save, ADMINISTRATORS, keeps_unsent=True),
    Page("POST", f"{_PROFILE}/publish", profile_pages.PAGES.publish, ADMINISTRATORS),
    Page("POST", f"{_PROFILE}/discard", profile_pages.PAGES.discard, ADMINISTRATORS),
    Page("GET", _DAYS, working_day_pages.show, OVERSEERS),
    Page("POST", _DAYS, working_day_pages.say, ADMINISTRATORS),
    Page("POST", f"{_DAYS}/unset", working_day_pages.unsay, ADMINISTRATORS),
    Page("GET", demo_clock.HERE, demo_clock.show, SIGNED_IN),
    Page("POST", demo_clock.HERE, demo_clock.advance, SIGNED_IN),
)
