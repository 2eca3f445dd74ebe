"""The order in an address, for those whose it is, and how the pages answer what goes wrong.

An order is its account's, and of those who act for the market subject that it is for, while they do; or of
the browser in which a telephone was proved by a one-time code, for a while (access.py). Everybody else gets
one answer, whether there is such an order or not.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import wraps
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.model import Step
from certificates.catalogue.prices import NoPrice, WrongYears
from certificates.desk.walk_ins import typed_by
from certificates.identity.demonstration import DemonstrationProvider
from certificates.issuing.remarks import DemonstrationBank
from certificates.orders.by_telephone import Access, opened
from certificates.orders.identifying import Identifying
from certificates.orders.materials import NotWanted, TooManyFiles, TooMuch
from certificates.orders.mine import Mine, next_page
from certificates.orders.order import Order, UnknownOrder
from certificates.orders.orders import Orders
from certificates.orders.performing import By, Lacks, NotAllowed, Stale
from certificates.orders.states import OrderState
from certificates.orders.table import Need
from office.accounts import MARKET, Role
from office.identity import Answer, Asked, IdentityProvider, ProviderAway
from web import unsent
from web.certificates.about_words import refusal_text
from web.certificates.access import access_of
from web.certificates.order_words import NEEDS
from web.languages import N_
from web.routing import Endpoint
from web.site import Site
from web.subjects.acting import may_act
from web.visits import Visit

NUMBER: Final = re.compile(r"[0-9]{8}[0-9A-Z]{8}")
APPLICANTS: Final = MARKET
PROVE_FIRST: Final = N_("请先登录；没有账号的，在这里用申请时填的手机打开订单。")
KEPT: Final = N_(
    "太久没有操作，请先登录或者再验证一次手机。您填写的内容已保留，之后会回到表单，请核对后重新提交。"
)
CHANGED_ELSEWHERE: Final = N_("这个订单已在另一个窗口改过，下面是现在的样子。")
NOT_NOW: Final = N_("现在不能这样做：订单的状态已经变了，下面是现在的样子。")
NO_PRICE: Final = N_("所选的证书和年限不能办理，请重新选择。")
TOO_MANY_FILES: Final = N_("这个订单上传的文件太多了，请联系客服。")
TOO_MUCH: Final = N_("您 30 天内上传的文件已满 300 MB（所有订单合计）。请过几天再上传；着急的，请联系客服。")


class Stranger(Exception):
    """Neither signed in nor proved: there is a page where either is done."""


class _NoProvider:
    """An installation without a provider of identity checks."""

    async def check(self, asked: Asked) -> Answer:
        raise ProviderAway(asked.check)


def provider_of(site: Site) -> IdentityProvider:
    if not site.settings.demo:
        return _NoProvider()

    async def bank(account: str, remark: str) -> None:
        key = f"i{secrets.token_hex(16)}"
        await DemonstrationBank(site.engine).send(account, remark, key, site.clock())

    return DemonstrationProvider(bank)


def orders_on(site: Site) -> Orders:
    return Orders(site.engine, site.marks, site.settings.platform_name)


def identifying_on(site: Site) -> Identifying:
    return Identifying(site.engine, site.marks, provider_of(site))


async def mine_in_path(visit: Visit) -> Mine:
    """The order of the address, as the form showed it: `version`.

    Raises Stranger, or 404 for everybody else.
    """
    access = await access_of(visit)
    if visit.signed_in is None and access is None:
        raise Stranger
    number = visit.param("number")
    if not NUMBER.fullmatch(number):
        raise HTTPException(404)
    try:
        mine = await orders_on(visit.site).of(number, By.applicant(None))
    except UnknownOrder as unknown:
        raise HTTPException(404) from unknown
    mine = replace(mine, by=await _by(visit, mine.order, access))
    typed = visit.form.get("version", "")
    if visit.request.method == "POST":
        known = typed.isascii() and typed.isdigit() and len(typed) < 10 and int(typed) == mine.order.version
        mine = replace(mine, order=replace(mine.order, version=mine.order.version if known else 0))
    return mine


async def _by(visit: Visit, order: Order, access: Access | None) -> By:
    """Raises 404 for everybody whose order it is not."""
    if visit.signed_in is not None and await _is_theirs(visit, order, visit.signed_in.account_id):
        return By.applicant(visit.signed_in.account_id)
    if access is not None and await orders_opened(visit, access, [order]):
        return By.applicant(None)
    if visit.signed_in is not None and visit.role is Role.CLERK and order.account_id is None:
        clerk = visit.signed_in.account_id
        if await typed_by(visit.site.engine, order.number) == clerk:  # for who stands at the counter
            return By.applicant(clerk)
    raise HTTPException(404)


async def orders_opened(visit: Visit, access: Access, orders: Sequence[Order]) -> list[Order]:
    """Of these, what the proved telephone opens now."""
    async with visit.site.engine.connect() as connection:
        return await opened(connection, visit.site.marks, access, orders, visit.site.clock())


async def _is_theirs(visit: Visit, order: Order, account_id: int) -> bool:
    """For a market subject only who may act for it now: an authority that has ended opens nothing."""
    if order.market_subject is None:
        return order.account_id == account_id
    return await may_act(visit.site, account_id, order.market_subject, visit.site.clock()) is not None


def base(order: Order) -> str:
    return f"/certificates/orders/{order.number}"


_PAGES: Final = {
    OrderState.AWAITING_MATERIAL: "material",
    OrderState.AWAITING_CONSENT: "consent",
    OrderState.AWAITING_IDENTITY: "identity",
    OrderState.AWAITING_PAYMENT: "payment",
}


def place_of(order: Order) -> str:
    """Where the order goes on; its own page when nothing is the applicant's to do."""
    if order.state is OrderState.FILLING:
        return f"{base(order)}/{next_page(order)}"
    if order.state in (OrderState.APPROVED, OrderState.ISSUING):
        if Step.INSTALL in order.steps:
            return f"/certificates/write/{order.number}"
        if Step.AUTHORIZATION_CODE in order.steps:
            return f"/certificates/unlock/{order.number}"
    page = _PAGES.get(order.state)
    return f"{base(order)}/{page}" if page else base(order)


async def _prove_first(visit: Visit, here: str) -> Response:
    """Where a telephone is proved or an account signed in, and back: to the form that was sent, with what was
    typed. The same for every number, whether there is such an order or not."""
    to, said = here, PROVE_FIRST
    if "step" in visit.request.path_params:
        to = visit.request.url.path
        if visit.request.method == "POST" and await unsent.store(visit):
            to, said = f"{to}?{unsent.RETURN}=1", KEPT
    return visit.refused(f"/certificates/query?{urlencode({'next': to})}", visit.text(said), 401)


def in_words(endpoint: Endpoint) -> Endpoint:
    """What can't be done is said on the page of the order."""

    @wraps(endpoint)
    async def answered(visit: Visit) -> Response:
        here = f"/certificates/orders/{visit.request.path_params['number']}/go-on"
        try:
            return await endpoint(visit)
        except Stranger:
            return await _prove_first(visit, here)
        except Stale:
            return visit.refused(here, visit.text(CHANGED_ELSEWHERE))
        except NotAllowed:
            return visit.refused(here, visit.text(NOT_NOW))
        except NotWanted:
            return visit.refused(here, visit.text(NOT_NOW), 422)
        except TooManyFiles:
            return visit.refused(here, visit.text(TOO_MANY_FILES), 422)
        except TooMuch:
            return visit.refused(here, visit.text(TOO_MUCH), 422)
        except Lacks as lacks:
            if lacks.need is Need.CERTIFICATE:
                why = await refusal_text(visit, visit.request.path_params["number"])
                return visit.refused(here, why or visit.text(NOT_NOW))
            return visit.refused(here, visit.text(NEEDS.get(lacks.need, NOT_NOW)))
        except (NoPrice, WrongYears):
            return visit.refused(f"{here.removesuffix('/go-on')}/details", visit.text(NO_PRICE), 422)
        except UnknownOrder as others:
            raise HTTPException(404) from others

    return answered
