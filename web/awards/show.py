"""成交办理: one page for each sale. Where it stands, what the visitor does now, its papers, its dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from starlette.responses import Response

from trading.awards.archive import Archives, kept_until
from trading.awards.awards import PRICE_STANDS
from trading.awards.contracts import Contracts
from trading.awards.handovers import POSSIBLE, Handovers
from trading.awards.payments import next_due
from trading.awards.records import AwardRecords
from trading.lifecycle.listing import ListingEvent, Listings
from trading.lifecycle.states import LotState
from trading.listings.store import relistable
from trading.sale_states import ENDED_BY_HAND, Paper, Party
from trading.sales import SaleDocument
from web.awards.access import Part, Seen, account_of, house, price_account, seen
from web.awards.words import ANSWERS, AWARD_STATES, SOURCES, STEPS, WAITING
from web.languages import N_
from web.listings.words import LOT_STATES
from web.pages import page
from web.sealing_words import PAPERS
from web.visits import Visit

PARTIES = {Part.TRANSFEROR: Party.TRANSFEROR, Part.TRANSFEREE: Party.TRANSFEREE}


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    standing: str
    """done | now | later"""
    at: object = None


@dataclass(frozen=True, slots=True)
class ToDo:
    """One thing that the visitor can do now; `main` is what is waited for."""

    text: str
    address: str
    main: bool = True


async def show(visit: Visit) -> Response:
    """The sale as the visitor may see it."""
    it = await seen(visit)
    records = AwardRecords(visit.site.engine)
    history = await Listings(visit.site.engine).history(it.lot)
    papers = [one for one in await visit.site.sales.all_of_lot(it.lot) if _shown(one, it)]
    overseer = it.part is Part.OVERSEER
    standing = await price_account(visit, it)
    pays = it.part is Part.TRANSFEREE and it.state is LotState.PAYMENT
    return page(
        visit,
        "awards/sale.html",
        it=it,
        sale=it.sale,
        listing=it.sale.listing,
        part=it.part.value,
        steps=_steps(visit, it, history),
        to_do=await _to_do(visit, it, papers),
        waiting=visit.text(WAITING.get(it.state, LOT_STATES[it.state])),
        state_word=visit.text(LOT_STATES[it.state]),
        papers=[(one, visit.text(PAPERS[one.paper])) for one in papers],
        remade=_remakeable(it, papers) if overseer else None,
        rounds=await records.rounds_of(it.lot) if overseer else (),
        offers=await records.offers_of(it.lot) if overseer else (),
        standing=standing,
        due_on=next_due(standing)[1] if standing and pays else None,
        price_stands=it.state in PRICE_STANDS,
        words={name: visit.text(text) for name, text in {**SOURCES, **AWARD_STATES, **ANSWERS}.items()},
        relists=it.part is Part.TRANSFEROR and relistable(it.sale.listing),
        archived=it.state is LotState.ARCHIVED,
        kept_until=await _kept_until(visit, it),
        administrator=visit.role == "administrator",
        errors={},
    )


async def _kept_until(visit: Visit, it: Seen) -> date | None:
    """None before there is an archive."""
    if it.state is not LotState.ARCHIVED:
        return None
    stored = await Archives(visit.site.engine, visit.site.sealed, visit.site.files).of_lot(it.lot)
    return kept_until(stored, it.sale.rules.retention_years) if stored else None


def _shown(one: SaleDocument, it: Seen) -> bool:
    """A party sees the papers that name it; an earlier round's are another's."""
    if it.part is Part.TRANSFEREE:
        return it.sale.award is not None and one.transferee_id == it.sale.award.account_id
    return True


def _steps(visit: Visit, it: Seen, history: Sequence[ListingEvent]) -> list[Step]:
    entered = {event.after: event.at for event in history}
    order = [state for state, _ in STEPS]
    before_review = it.state in (LotState.PRIORITY_OFFER, LotState.NEXT_OFFER, LotState.NEGOTIATION)
    now = LotState.REVIEW if before_review else it.state
    if it.sale.listing.resume_state in order:
        now = it.sale.listing.resume_state
    place = order.index(now) if now in order else len(order)
    over = it.state in (LotState.UNSOLD, LotState.ABORTED)
    steps = []
    for index, (_, name) in enumerate(STEPS):
        following = order[index + 1] if index + 1 < len(order) else LotState.ARCHIVED
        done = following in entered if over else index < place
        standing = "done" if done else "now" if index == place and not over else "later"
        steps.append(Step(visit.text(name), standing, entered.get(following) if done else None))
    return steps


async def _to_do(visit: Visit, it: Seen, papers: Sequence[SaleDocument]) -> list[ToDo]:
    here = f"/sales/{it.lot}"
    found: list[ToDo] = [*_seals(visit, it, papers)]
    match it.part, it.state:
        case Part.OVERSEER, LotState.REVIEW:
            found.append(ToDo(visit.text(N_("资格审查")), f"{here}/review", visit.role == "administrator"))
        case Part.TRANSFEROR, LotState.NEGOTIATION:
            found.append(ToDo(visit.text(N_("填写最终成交价")), f"{here}/price"))
        case _, LotState.CONTRACT:
            found += await _contract(visit, it, papers)
        case Part.TRANSFEREE, LotState.PAYMENT:
            found.append(ToDo(visit.text(N_("查看价款和账号")), f"{here}/payment"))
        case _, LotState.PAYMENT:
            found.append(ToDo(visit.text(N_("查看价款")), f"{here}/payment", main=False))
        case _:
            pass
    if it.state in POSSIBLE and it.part is not Part.OVERSEER:
        found += await _handover(visit, it)
    return found


def _seals(visit: Visit, it: Seen, papers: Sequence[SaleDocument]) -> list[ToDo]:
    party = PARTIES.get(it.part)
    mine = [one for one in papers if one.turn is not None and one.turn is party]
    text = visit.text(N_("为%(paper)s盖章"))
    return [ToDo(text % {"paper": visit.text(PAPERS[one.paper])}, f"/documents/{one.id}") for one in mine]


async def _contract(visit: Visit, it: Seen, papers: Sequence[SaleDocument]) -> list[ToDo]:
    sent = any(one.paper is Paper.CONTRACT and one.state not in ENDED_BY_HAND for one in papers)
    address = f"/sales/{it.lot}/contract"
    if it.part is Part.TRANSFEROR and not sent:
        return [ToDo(visit.text(N_("起草合同")), address)]
    versions = await Contracts(visit.site.engine, visit.site.files, house(visit)).versions(it.lot)
    if it.part is not Part.TRANSFEROR and not any(one.shown for one in versions):
        return []
    return [ToDo(visit.text(N_("查看合同草稿和意见")), address, main=it.part is Part.TRANSFEREE and not sent)]


async def _handover(visit: Visit, it: Seen) -> list[ToDo]:
    record = await Handovers(visit.site.engine).of_lot(it.lot)
    address = f"/sales/{it.lot}/handover"
    if it.part is Part.TRANSFEROR:
        if record is None or record.objection:
            return [ToDo(visit.text(N_("填写交接单")), address, main=it.state is not LotState.PAYMENT)]
        return [ToDo(visit.text(N_("查看交接单")), address, main=False)]
    if record is None:
        return []
    waits = record.confirmed_at is None and not record.objection and record.made_by != account_of(visit)
    return [ToDo(visit.text(N_("核对交接单") if waits else N_("查看交接单")), address, main=waits)]


def _remakeable(it: Seen, papers: Sequence[SaleDocument]) -> Paper | None:
    """A paper of the platform that was ended and is lacking now."""
    wanted = {
        LotState.CONFIRMATION: Paper.CONFIRMATION,
        LotState.COMPLETED: Paper.CERTIFICATE,
    }.get(it.state)
    had = [one for one in papers if one.paper is wanted]
    return wanted if wanted and had and had[0].state in ENDED_BY_HAND else None
