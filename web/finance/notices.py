"""Where banks send their notifications."""

from collections.abc import Mapping
from typing import Any, Final

from office.banking.notifications import LARGEST_BODY, Notifications
from web.signed import signed_page
from web.site import Site


async def take(site: Site, bank: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    notifications = Notifications(site.engine, site.settings.bank_keys)
    taken = await notifications.receive(bank, headers, body, now=site.clock())
    return {"new": taken.new, "known": taken.known}


NOTICES: Final = signed_page("/bank/{bank}/notifications", take, LARGEST_BODY)
