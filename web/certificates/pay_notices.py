"""Where payment providers send their notifications."""

from collections.abc import Mapping
from typing import Any, Final

from certificates.payments.notices import LARGEST_BODY, Notices
from web.certificates.pay import keys_of
from web.signed import signed_page
from web.site import Site


async def take(site: Site, way: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    notices = Notices(site.engine, site.marks, keys_of(site))
    return {"new": await notices.receive(way, headers, body, now=site.clock())}


NOTICES: Final = signed_page("/pay/{way}/notifications", take, LARGEST_BODY)
