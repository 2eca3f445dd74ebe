"""What waits for a person about listings: reviews and requests for administrators, returned drafts for
transferors."""

from typing import Final

from sqlalchemy import text

from office.accounts import Role
from trading.tasks import Rows, Source
from web.languages import N_
from web.listings.profile_tasks import SOURCES as RULES
from web.listings.words import REQUESTS

_SUBMITTED: Final = text(
    "SELECT lot, title, changed_at AS since FROM listings WHERE state = 'submitted'"
    " ORDER BY changed_at, lot LIMIT :most"
)
_RETURNED: Final = text(
    "SELECT l.lot, l.title, l.changed_at AS since FROM listings AS l"
    " WHERE l.transferor_id = :me AND l.state = 'draft' AND (SELECT e.act FROM listing_events AS e"
    " WHERE e.lot = l.lot ORDER BY e.id DESC LIMIT 1) = 'return' ORDER BY l.changed_at DESC LIMIT :most"
)
_ASKED: Final = text(
    "SELECT r.lot, r.kind AS each, r.asked_at AS since, l.title"
    " FROM listing_requests AS r JOIN listings AS l USING (lot)"
    " WHERE r.answer = '' ORDER BY r.asked_at, r.id LIMIT :most"
)


SOURCES: Final[tuple[Source, ...]] = (
    Rows(
        role=Role.ADMINISTRATOR,
        query=_SUBMITTED,
        kind="listing.review",
        title=N_("审核公告：%(title)s"),
        address="/administration/listings/{lot}",
    ),
    Rows(
        role=Role.TRANSFEROR,
        query=_RETURNED,
        kind="listing.returned",
        title=N_("修改后重新提交：%(title)s"),
        address="/my/assets/{lot}",
    ),
    Rows(
        role=Role.ADMINISTRATOR,
        query=_ASKED,
        kind="listing.asked.{each}",
        title=N_("答复转让方的申请：%(title)s"),
        address="/administration/listings/{lot}#requests",
        about=REQUESTS,
    ),
    *RULES,
)
