"""The pages of what UKeys do for an order besides writing: consent by signature, unlocking."""

from typing import Final

from web.certificates import consenting, unlock
from web.certificates.desk_own import DESK
from web.certificates.issue import CLERKS
from web.routing import EVERYBODY, Page

_HOME: Final = f"{unlock.BASE}/{{number}}"
_DESK: Final = f"{DESK}/orders/{{number}}/unlock"

_CONSENT: Final = "/certificates/orders/{number}/consent"

PAGES: Final[tuple[Page, ...]] = (
    Page("POST", f"{_CONSENT}/job", consenting.job, EVERYBODY),
    Page("POST", f"{_CONSENT}/signed", consenting.signed, EVERYBODY),
    Page("GET", _HOME, unlock.show, EVERYBODY),
    Page("POST", f"{_HOME}/code", unlock.send_code, EVERYBODY),
    Page("POST", f"{_HOME}/job", unlock.job, EVERYBODY),
    Page("POST", f"{_HOME}/unlocked", unlock.unlocked, EVERYBODY),
    Page("GET", _DESK, unlock.show_at_desk, CLERKS),
    Page("POST", f"{_DESK}/job", unlock.job_at_desk, CLERKS),
    Page("POST", f"{_DESK}/unlocked", unlock.unlocked_at_desk, CLERKS),
)
