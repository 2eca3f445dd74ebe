"""选择证书: the pages on which an order is told which certificate it is about."""

from collections.abc import Mapping
from typing import Any, Final

from certificates.catalogue.model import Service
from certificates.catalogue.store import Catalogue
from certificates.issuing import issued
from certificates.orders import reading, representing
from certificates.orders.about import AboutRefused, Standings, may_issue
from certificates.orders.boxes import OrderBoxes
from certificates.orders.choosing import Choosing, Chosen, NoTelephone
from certificates.orders.codes import NoCode, TooSoon, WrongCode
from certificates.orders.masking import masked_number
from certificates.orders.mine import Mine, check_of
from certificates.orders.reading import Fault
from certificates.orders.steps import Step
from office.working_days import day_of
from web.certificates import pacing
from web.certificates.about_words import SAID, hindrance_text
from web.certificates.order_words import PERSONS
from web.certificates.own import orders_on
from web.certificates.prefill import verified_of
from web.languages import N_
from web.visits import Visit

CODES_PER_ADDRESS: Final = 20
"""Sends from one network address in an hour."""
TOO_SOON: Final = N_("发送得太频繁，请 %(seconds)s 秒后再试。")
WRONG_CODE: Final = N_("验证码不对、已用过或者已过期。连续输错几次后，请重新发送。")
NO_CODE: Final = N_("请先发送验证码，再填写短信里的数字；已过期的，请重新发送。")
NO_TELEPHONE: Final = N_("这张证书的订单里没有这个人的手机号，请换一种核验方式，或者到窗口办理。")
CHOOSE: Final = N_("请选择一张证书。")
REPRESENTED: Final = N_("办这张证书时登记的法定代表人，这里不能改；已经变更的，请选对公账户认证。")


class Said(Exception):
    """{field: what is wrong, in the visit's words}; nothing was kept."""

    def __init__(self, errors: Mapping[str, str], status: int = 422) -> None:
        super().__init__(", ".join(errors))
        self.errors, self.status = dict(errors), status


class Sent(Exception):
    """A code is on its way; the page is shown again, with what was typed."""

    def __init__(self, phone: str) -> None:
        super().__init__("sent")
        self.phone = phone


def choosing_on(visit: Visit) -> Choosing:
    site = visit.site
    return Choosing(site.engine, site.marks, orders_on(site), site.settings.platform_name)


async def page_facts(visit: Visit, mine: Mine, typed: Mapping[str, str]) -> dict[str, Any]:
    """What the page of choosing shows besides."""
    choosing, number = choosing_on(visit), typed.get("document", "")[:40]
    authorities = await Catalogue(visit.site.engine).authorities()
    rows = []
    for one in await choosing.offered(mine, number, now=visit.site.clock()):
        known = authorities.get(one.row.authority)
        rows.append(
            {
                "serial": one.row.serial,
                "name": one.name,
                "authority": visit.named(known) if known is not None else one.row.authority,
                "until": day_of(one.row.valid_until),
                "medium": one.row.medium,
                "card": one.row.crypto_card,
                "why_not": await hindrance_text(visit, one.standing),
            }
        )
    rows.sort(key=lambda row: bool(row["why_not"]))  # what can be chosen comes first
    chosen = typed.get("held", "") or mine.order.about_certificate
    return {
        "held": rows,
        "chosen": chosen,
        "said": visit.text(SAID[Service(mine.order.service)]) if mine.order.service in SAID else "",
        "at_counter": mine.order.account_id is None,
        "document": number,
        "finders": [(str(one), visit.text(PERSONS[one])) for one in choosing.finders(mine)],
        "whose": typed.get("whose", ""),
        "sent_to": "",
    }


async def save(visit: Visit, mine: Mine, step: Step) -> None:
    """The chosen certificate, or what else the page's buttons ask for.

    Raises Said, Sent, NotAllowed, Stale.
    """
    form = visit.form
    if form.get("act") == "find":
        raise Said({}, 200)
    chosen = Chosen(
        form.get("held", "")[:40],
        form.get("document", "")[:40],
        form.get("whose", "")[:40],
        form.get("code", "").strip()[:10],
    )
    if not chosen.serial:
        raise Said({"held": visit.text(CHOOSE)})
    choosing, now = choosing_on(visit), visit.site.clock()
    try:
        if form.get("act") == "send":
            await _pace(visit)
            raise Sent(await choosing.send_code(mine, chosen, visit.locale, now=now))
        await choosing.choose(mine, step, chosen, now=now)
    except AboutRefused as refused:
        text = await hindrance_text(visit, Standings(refused.hindrance, refused.facts))
        raise Said({"held": text}) from refused
    except WrongCode as wrong:
        raise Said({"code": code_text(visit, wrong)}) from wrong
    except NoTelephone as none:
        raise Said({"whose": visit.text(NO_TELEPHONE)}) from none
    except TooSoon as soon:
        raise Said({"code": visit.text(TOO_SOON) % {"seconds": soon.wait_s}}, 429) from soon


def code_text(visit: Visit, wrong: WrongCode) -> str:
    """What to do about a code that did not do."""
    return visit.text(NO_CODE if isinstance(wrong, NoCode) else WRONG_CODE)


async def authorities_for(visit: Visit, mine: Mine) -> tuple[str, ...]:
    """Who can be chosen: the channel's authorities; for a conversion whoever issued the certificate, too."""
    if not mine.order.about_certificate:
        return tuple(mine.rules.authorities)
    async with visit.site.engine.connect() as connection:
        row = await issued.by_serial(connection, mine.order.about_certificate)
    return tuple(may_issue(mine.rules, mine.case, row.authority if row is not None else ""))


async def modification_faults(visit: Visit, mine: Mine, values: Mapping[str, str]) -> dict[str, Fault]:
    """What is wrong in a change of name: it is none, or nobody has checked the new one."""
    if mine.case.service is not Service.MODIFY:
        return {}
    before, subject = await choosing_on(visit).named(mine), await verified_of(visit, mine)
    profile = subject.profile if subject is not None else {}
    numbers = [name for name in ("credit_code", "applicant_number") if name in before]
    same = all(profile.get(name) == before[name] for name in numbers)
    return reading.modified(
        mine.rules,
        mine.case,
        values,
        before,
        profile if same else {},
        automatic=mine.order.automatic,
        by_account=subject is not None and subject.by_account,
    )


async def represented(visit: Visit, mine: Mine) -> Mapping[str, str]:
    """The legal representative whom the certificate's order named, where a check here is about them."""
    boxes = OrderBoxes(visit.site.marks)
    async with visit.site.engine.connect() as connection:
        for identity in mine.rules.identities_for(mine.case):
            check = check_of(identity, mine.details)
            found = await representing.represented(connection, boxes, mine.order, check)
            if found is not None:
                return found
    return {}


async def _pace(visit: Visit) -> None:
    if not await pacing.may(visit, "code", visit.address, most=CODES_PER_ADDRESS, seconds=3600):
        raise Said({"code": visit.text(TOO_SOON) % {"seconds": 3600}}, 429)


def sent_text(visit: Visit, sent: Sent) -> str:
    return visit.text(N_("验证码已发送到 %(phone)s，请查看短信。")) % {"phone": masked_number(sent.phone)}
