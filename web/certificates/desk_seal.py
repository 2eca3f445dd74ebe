"""What the seal of an application will look like, for the clerk who compares it with the sample.

Source: spec/certificates.md, "Material" (seal sample form), "Review".
"""

import asyncio
import base64

from certificates.catalogue.scope import Service
from certificates.issuing.deciding import MAKES, SAME_SEAL, SAMPLE, picture
from certificates.orders.mine import Mine
from signing.seal import SealKind
from web.certificates.own import orders_on
from web.visits import Visit


async def seal_shown(visit: Visit, mine: Mine) -> str | None:
    """The picture that was cut out of the sample, as base64 of a PNG; "": the authority draws one from the
    name. None: no sample was uploaded, or the seal stays as it is."""
    order = mine.order
    if Service(order.service) not in MAKES - SAME_SEAL:
        return None
    files = orders_on(visit.site).files
    for one in await files.of(order.number):
        if one.kind.partition(".")[0] == SAMPLE and one.media_type.startswith("image/"):
            content = await files.content(order.number, one.id, preview=False)
            if content is not None:
                kind = SealKind.ORGANIZATION if order.subject == "organization" else SealKind.PERSON
                found = await asyncio.to_thread(picture, order, kind, None, content[0])
                return "" if found is None else base64.b64encode(found.data).decode()
    return None
