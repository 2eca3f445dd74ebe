"""The pages of the desk: clerks, and nobody else."""

from typing import Final

from office.accounts import Role
from web.certificates import desk, desk_review
from web.certificates.desk_own import DESK
from web.routing import Page

CLERKS: Final = frozenset({Role.CLERK})
_ORDER: Final = f"{DESK}/orders/{{number}}"

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", DESK, desk.index, CLERKS),
    Page("GET", f"{DESK}/find", desk.find, CLERKS),
    Page("GET", _ORDER, desk_review.show, CLERKS),
    Page("POST", f"{_ORDER}/take", desk_review.take, CLERKS),
    Page("POST", f"{_ORDER}/put-back", desk_review.put_back, CLERKS),
    Page("POST", f"{_ORDER}/decide", desk_review.decide, CLERKS),
    Page("POST", f"{_ORDER}/reverse", desk_review.reverse, CLERKS),
    Page("GET", f"{_ORDER}/files/{{file}}", desk_review.file, CLERKS),
)
