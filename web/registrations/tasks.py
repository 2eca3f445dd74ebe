"""What waits for a person here: registrations to go on with, partners to answer, holders to confirm."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from office.accounts import Person, Role
from office.sealed.port import PartnerAnswer
from trading.registrations.priority import PriorityHolders
from trading.registrations.registrations import Registrations
from trading.registrations.states import RegistrationState
from trading.tasks import MOST, Task
from web.languages import N_
from web.site import Site

TO_DO: Final[Mapping[RegistrationState, tuple[str, str]]] = {
    RegistrationState.FILLING: ("registration.fill", N_("填完竞买申请：%(title)s")),
    RegistrationState.AWAITING_SEAL: ("registration.seal", N_("给竞买申请盖章：%(title)s")),
    RegistrationState.AWAITING_DEPOSIT: ("registration.deposit", N_("交纳保证金：%(title)s")),
    RegistrationState.INVALIDATED: ("registration.confirm", N_("公告有更正，重新确认报名：%(title)s")),
}


async def registrations(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """A bidder's own, while the lot still takes them."""
    if person.role is not Role.BIDDER:
        return ()
    found = await Registrations(site.engine, site.sealed).everything_of(person.id)
    tasks = []
    for facts, lot in found.registrations:
        if facts.state in TO_DO and lot.is_open(now):
            kind, title = TO_DO[facts.state]
            paying = facts.state is RegistrationState.AWAITING_DEPOSIT
            tasks.append(
                Task(
                    kind=kind,
                    title=title,
                    lot=lot.lot,
                    address=f"/my/registrations/{facts.registration}",
                    since=facts.changed_at,
                    due_at=lot.deposit_ends if paying else lot.registration_ends,
                    facts={"title": lot.title},
                )
            )
    return tasks[:MOST]


async def invitations(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """Joint purchases that wait for this person's answer."""
    if person.role is not Role.BIDDER:
        return ()
    asked = [one for one in await site.sealed.invitations(person.id) if one.answer is PartnerAnswer.ASKED]
    return [
        Task(
            kind="registration.join",
            title=N_("%(inviter)s请您联合购买"),
            lot=one.lot,
            address=f"/my/registrations/{one.registration}/joining",
            since=now,
            facts={"inviter": one.inviter},
        )
        for one in asked[:MOST]
    ]


async def holders(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """Priority holders that an administrator has to confirm."""
    if person.role is not Role.ADMINISTRATOR:
        return ()
    return [
        Task(
            kind="priority.confirm",
            title=N_("确认优先购买权人：%(name)s（%(title)s）"),
            lot=one.lot,
            address="/administration/priority",
            since=one.marked_at,
            facts={"name": one.name, "title": one.title},
        )
        for one in await PriorityHolders(site.engine).waiting(MOST)
    ]


SOURCES = (registrations, invitations, holders)
