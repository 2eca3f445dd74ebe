"""The pages of unlocking: subscribers for their own UKey, clerks for who stands at the desk."""

from typing import Final

from web.certificates import unlock
from web.certificates.desk_own import DESK
from web.certificates.issue import CLERKS
from web.routing import EVERYBODY, Page

_HOME: Final = f"{unlock.BASE}/{{number}}"
_DESK: Final = f"{DESK}/orders/{{number}}/unlock"

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", _HOME, unlock.show, EVERYBODY),
    Page("POST", f"{_HOME}/code", unlock.send_code, EVERYBODY),
    Page("POST", f"{_HOME}/job", unlock.job, EVERYBODY),
    Page("POST", f"{_HOME}/unlocked", unlock.unlocked, EVERYBODY),
    Page("GET", _DESK, unlock.show_at_desk, CLERKS),
    Page("POST", f"{_DESK}/job", unlock.job_at_desk, CLERKS),
    Page("POST", f"{_DESK}/unlocked", unlock.unlocked_at_desk, CLERKS),
)
