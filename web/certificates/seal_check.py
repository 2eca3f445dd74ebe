"""检查印章: the page of a conversion on which the seal is uploaded and held against the standard."""

from collections.abc import Mapping
from typing import Any, Final

from certificates.catalogue.scope import first
from certificates.orders.mine import Mine
from certificates.orders.sealing_check import NoCertificate, NotProven, OtherSeal, SealChecking, cut_off
from certificates.orders.steps import Step
from certificates.seal_standard import Deviation, NotASeal
from web.certificates.about import Said
from web.certificates.own import orders_on
from web.languages import N_
from web.visits import Visit

DEVIATIONS: Final[Mapping[Deviation, str]] = {
    Deviation.OLD_FORM: N_("印章是老格式（GM/T 0031-2014）：没有按 GB/T 38540-2020 的结构制作。"),
    Deviation.STRUCTURE: N_("印章数据的结构不完整，不能按标准读出来。"),
    Deviation.HEADER: N_("印章数据的头标识不是 ES。"),
    Deviation.VERSION: N_("印章的版本号不是标准规定的 4。"),
    Deviation.NAME: N_("印章里没有印章名称。"),
    Deviation.CERTIFICATES: N_("印章里没有按标准列出可以使用它的证书。"),
    Deviation.DIGEST: N_("印章里列出证书用的不是 SM3 杂凑值。"),
    Deviation.DATES: N_("印章的起止日期不对：结束早于开始，或者没有写。"),
    Deviation.PICTURE: N_("印章里没有印章图片，或者图片的大小不对。"),
    Deviation.ALGORITHM: N_("制章的签名算法不是 SM2 和 SM3。"),
    Deviation.MAKER: N_("读不出制章人的证书，或者它不是 SM2 证书。"),
    Deviation.MAKER_TERM: N_("制章的时候，制章人的证书不在有效期内。"),
    Deviation.SIGNATURE: N_("制章人的签名不对：印章数据被改过，或者不是这个制章人做的。"),
    Deviation.OTHER_CERTIFICATE: N_("印章没有列出这张证书：用这张证书不能盖这枚章。"),
}
FINE: Final = N_("检查完了：这枚印章符合 %(standard)s，不用替换，可以照常使用。这个订单可以取消。")
NOT_A_SEAL: Final = N_("这个文件里没有电子印章。请上传印章文件（.esl），或者用它盖过章的 OFD 文件。")
OTHER_SEAL: Final = N_("这枚印章不是为所选的证书制作的。请上传这个 UKey 里的印章，或者返回上一步改选证书。")
NOT_PROVEN: Final = N_(
    "制章人的签名对不上这枚印章：文件可能损坏了、被改过，或者制章人不是发这张证书的机构，不能据此替换。"
    "请从 UKey 里重新导出印章再试；仍然不行的，请联系发证机构。"
)
NO_CERTIFICATE: Final = N_("请先选择证书。")


def checking_on(visit: Visit) -> SealChecking:
    return SealChecking(visit.site.engine, visit.site.marks, orders_on(visit.site))


async def page_facts(visit: Visit, mine: Mine, _typed: Mapping[str, str]) -> dict[str, Any]:
    last = await checking_on(visit).last(mine)
    rule = first(mine.rules.conversions, mine.case)
    return {
        "standard": rule.standard if rule is not None else "",
        "note": rule.note if rule is not None else "",
        "cut_off": cut_off(mine, visit.site.clock()),
        "checked": last is not None,
        "wrong": [visit.text(DEVIATIONS[one]) for one in last.deviations] if last else [],
        "may_go_on": Step.SEAL_CHECK in mine.order.done,
    }


async def save(visit: Visit, mine: Mine) -> None:
    """An uploaded seal, or with the result on the page: on to the next one.

    Raises Said, NotAllowed, Stale.
    """
    content = visit.files.get("seal", b"")
    if not content and Step.SEAL_CHECK in mine.order.done and visit.form.get("act") == "on":
        return
    try:
        found = await checking_on(visit).check(mine, content, now=visit.site.clock())
    except NotASeal as none:
        raise Said({"seal": visit.text(NOT_A_SEAL)}) from none
    except OtherSeal as other:
        raise Said({"seal": visit.text(OTHER_SEAL)}) from other
    except NotProven as unproven:
        raise Said({"seal": visit.text(NOT_PROVEN)}) from unproven
    except NoCertificate as none:
        raise Said({"seal": visit.text(NO_CERTIFICATE)}) from none
    if found.is_fine:
        rule = first(mine.rules.conversions, mine.case)
        raise Said({"seal": visit.text(FINE) % {"standard": rule.standard if rule is not None else ""}})
    raise Said({}, 200)
