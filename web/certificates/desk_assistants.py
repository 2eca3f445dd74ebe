"""窗口助手: administrators register the assistants at which desks write and unlock UKeys, and end them."""

from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.issuing.assistants import LONGEST, LONGEST_REASON, AssistantRefused, DeskAssistants
from signing.sm2 import in_groups
from web.languages import N_
from web.pages import page
from web.routing import ADMINISTRATORS, Page
from web.versions import administrator, names_of
from web.visits import Visit

HERE: Final = "/administration/assistants"
REFUSALS: Final[Mapping[str, str]] = {
    "fingerprint": N_("指纹是 64 位数字和字母 a 到 f。请从窗口电脑的助手主页完整照抄。"),
    "label": N_("请填写名称，最多 60 个字。"),
    "counter": N_("请填写窗口或证书机构，最多 60 个字。"),
    "twice": N_("这个助手已经登记过，正在使用。"),
    "too_many": N_("登记的助手太多了，请先停用不再使用的。"),
    "reason": N_("请填写停用的原因，最多 200 个字。"),
    "ended": N_("这个助手已经停用。"),
}
FIELDS: Final = ("fingerprint", "label", "counter")


async def index(visit: Visit) -> Response:
    return await _shown(visit)


async def _shown(visit: Visit, fault: str = "") -> Response:
    found = await DeskAssistants(visit.site.engine).all()
    people = [one for each in found for one in (each.registered_by, each.ended_by)]
    field = fault if fault in FIELDS else "fingerprint"
    return page(
        visit,
        "certificates/desk_assistants.html",
        422 if fault else 200,
        rows=[(one, in_groups(one.fingerprint)) for one in found],
        names=await names_of(visit, people),
        typed={name: visit.form.get(name, "")[:200] for name in FIELDS},
        errors={field: visit.text(REFUSALS[fault])} if fault else {},
        longest=LONGEST,
        longest_reason=LONGEST_REASON,
        here=HERE,
    )


async def register(visit: Visit) -> Response:
    fingerprint, label, counter = (visit.form.get(name, "").strip()[:200] for name in FIELDS)
    me, now = administrator(visit), visit.site.clock()
    try:
        await DeskAssistants(visit.site.engine).register(fingerprint, label, counter, me, now=now)
    except AssistantRefused as refused:
        return await _shown(visit, refused.field)
    return visit.done(HERE, visit.text(N_("助手已登记，窗口现在可以用它写入和解锁 UKey。")))


async def end(visit: Visit) -> Response:
    number, reason = visit.param("assistant"), visit.form.get("reason", "").strip()
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise HTTPException(404)
    me, now = administrator(visit), visit.site.clock()
    try:
        await DeskAssistants(visit.site.engine).end(int(number), reason, me, now=now)
    except AssistantRefused as refused:
        return visit.refused(HERE, visit.text(REFUSALS[refused.field]), 422)
    return visit.done(HERE, visit.text(N_("助手已停用，不再给它初始密码和解锁授权。")))


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", HERE, index, ADMINISTRATORS),
    Page("POST", f"{HERE}/new", register, ADMINISTRATORS),
    Page("POST", f"{HERE}/{{assistant}}/end", end, ADMINISTRATORS),
)
