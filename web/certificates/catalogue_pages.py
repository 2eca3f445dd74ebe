"""What certificate services there are, at what price: pages for everybody, one for each channel."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.authority.port import SubjectKind
from certificates.catalogue.scope import Case, Service, Way
from certificates.catalogue.store import Catalogue, StoredChannel
from web.certificates import catalogue_view as view
from web.pages import page
from web.visits import Visit

HERE: Final = "/certificates"


async def index(visit: Visit) -> Response:
    """All channels, with what each offers."""
    catalogue = Catalogue(visit.site.engine)
    return page(
        visit,
        "certificates/catalogue/index.html",
        channels=[(one, view.price_list(visit, one.rules)) for one in await catalogue.channels()],
    )


async def channel(visit: Visit) -> Response:
    """One channel: services, prices, places, what is not offered and where to go instead."""
    stored = await _named(visit)
    catalogue = Catalogue(visit.site.engine)
    known = await catalogue.authorities()
    names = {one.key: visit.named(one.rules) for one in await catalogue.channels()}
    return page(
        visit,
        "certificates/catalogue/channel.html",
        channel=stored,
        rules=stored.rules,
        offered=view.price_list(visit, stored.rules),
        absences=view.absences(visit, stored.rules),
        authorities=[known[key] for key in stored.rules.authorities if key in known],
        places=list(view.places(visit, stored.rules)),
        remarks=[one for one in stored.rules.remarks if not one.services],
        channels=names,
    )


async def about(visit: Visit) -> Response:
    """One service for one kind of subscriber in one way: steps, material, payment, times."""
    stored = await _named(visit)
    try:
        case = Case(
            service=Service(visit.param("service")),
            subject=SubjectKind(visit.param("subject")),
            way=Way(visit.param("way")),
        )
    except ValueError:
        raise HTTPException(404) from None
    offer = stored.rules.offer(case)
    if offer is None:
        instead = stored.rules.instead(case)
        text = instead.note if instead else ""
        return page(
            visit, "certificates/catalogue/absent.html", 404, channel=stored, text=text, instead=instead
        )
    return page(
        visit,
        "certificates/catalogue/about.html",
        channel=stored,
        rules=stored.rules,
        offer=offer,
        case=case,
        detail=view.detail(visit, stored.rules, case),
    )


async def _named(visit: Visit) -> StoredChannel:
    found = await Catalogue(visit.site.engine).published(visit.param("channel"))
    if found is None:
        raise HTTPException(404)
    return found
