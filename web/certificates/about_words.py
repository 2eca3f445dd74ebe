"""Why a certificate can't be the one of an order, and what to do instead, in the visit's words."""

from collections.abc import Mapping
from typing import Final

from certificates.catalogue.model import Service
from certificates.catalogue.store import Catalogue
from certificates.orders.about import Hindrance, Standings, look_again
from certificates.orders.order import read
from web.languages import N_
from web.visits import Visit

HINDRANCES: Final[Mapping[Hindrance, str]] = {
    Hindrance.NONE_THERE: N_("没有找到这张证书。只能选在这里办好、属于您的证书。"),
    Hindrance.OTHER_SUBJECT: N_("这张证书不是这一类主体的证书。"),
    Hindrance.OTHER_AUTHORITY: N_(
        "这张证书是%(authority)s发的：要到发证的机构办理。请返回上一步改选，或者到有这家机构的渠道办理。"
    ),
    Hindrance.OTHER_CHANNEL: N_("这张证书是在“%(channel)s”办的，请到那个渠道办理这项业务。"),
    Hindrance.NOT_WRITTEN: N_("这张证书还没有写入 UKey。"),
    Hindrance.REVOKED: N_("这张证书已注销，不能再办理。需要证书的，请新办。"),
    Hindrance.FOLLOWED: N_("这张证书已经更新过，请选更新后的那一张。"),
    Hindrance.EXPIRED: N_("这张证书已在 %(day)s 过期，不能补办、变更或者替换。请办理更新，或者新办。"),
    Hindrance.TOO_EARLY: N_("还不到更新的时间：%(day)s 起可以办理。"),
    Hindrance.TOO_LATE: N_("已经不能这样更新：最晚到 %(day)s。请改用窗口或者邮寄的方式，没有的请新办。"),
    Hindrance.BUSY: N_("这张证书已有另一个订单 %(number)s 正在办理，请先办完或者取消那个订单。"),
    Hindrance.AUTHORITY_ENDED: N_("办理这个订单的经办人，授权已经结束。请由现在的经办人重新办理。"),
}
"""Facts: day (in Beijing), authority and channel by their names, number of an order."""


async def hindrance_text(visit: Visit, found: Standings) -> str:
    """ "" for what is none."""
    if found.hindrance is None:
        return ""
    facts, catalogue = dict(found.facts), Catalogue(visit.site.engine)
    if "authority" in facts:
        known = (await catalogue.authorities()).get(facts["authority"])
        facts["authority"] = visit.named(known) if known is not None else facts["authority"]
    if "channel" in facts:
        own = await catalogue.published(facts["channel"])
        facts["channel"] = visit.named(own.rules) if own is not None else facts["channel"]
    if facts.get("day") is not None:
        facts["day"] = facts["day"].isoformat()
    text = visit.text(HINDRANCES[found.hindrance])
    return text % facts if "%(" in text else text


async def refusal_text(visit: Visit, number: str) -> str:
    """Why the certificate of this order is not taken any more, as it is now."""
    async with visit.site.engine.connect() as connection:
        order = await read(connection, number)
        found = await look_again(connection, order, visit.site.clock())
    return await hindrance_text(visit, found)


SAID: Final[Mapping[Service, str]] = {
    Service.RENEW: N_("更新用原来的 UKey，密码不变。办理时只插要更新的那一个。"),
    Service.UNLOCK: N_("忘记密码，或者密码连续输错被锁住，可以解锁、重设密码。证书和印章不变。"),
    Service.REPLACE: N_("补办的证书，内容和有效期与丢失的相同；审核通过后，丢失的证书随即注销，不能恢复。"),
    Service.MODIFY: N_("变更用原来的 UKey，有效期和密码不变；原来的证书写好新的以后注销。"),
    Service.REVOKE: N_("注销以后，证书立即不能再登录、签名和盖章，也不能恢复。"),
    Service.CONVERT: N_("替换用原来的 UKey，有效期和密码不变，不收费。"),
    Service.ADDITIONAL: N_("增办用手里有效的证书签名确认，它的名称和新证书相同。"),
}
