"""What somebody typed into a long form whose session ended meanwhile: kept for the way over the sign-in.

Kept by browser (its random cookie), half an hour, once, in a box: it may be about persons. Secrets are not
kept: the form asks for them again.
"""

import json
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from web import csrf
from web.languages import N_
from web.visits import Visit, sign_in_address

log = structlog.get_logger(__name__)

LIVES_S: Final = 30 * 60
LARGEST: Final = 80 * 1024
MOST_A_MINUTE: Final = 10
"""Of all browsers together: who is not signed in must not fill the memory. What is more is not kept."""
SECRET_FIELDS: Final = frozenset({csrf.FIELD, "reserve", "password"})
WITHHELD: Final = "withheld"
RETURN: Final = "unsent"
_PURPOSE: Final = "unsent form"
KEPT: Final = N_("登录已失效。您填写的内容已保留，登录后会回到表单，请核对后重新提交。")


async def keep(visit: Visit) -> Response:
    """Instead of carrying out a form that nobody signed in sent: the way over the sign-in, back to it.

    Raises HTTPException(401), the ordinary way, when it can't be kept.
    """
    if not await store(visit):
        raise HTTPException(401)
    visit.flash("info", visit.text(KEPT))
    return visit.redirect(sign_in_address(f"{visit.request.url.path}?{RETURN}=1"))


async def store(visit: Visit) -> bool:
    """Keep the form that was sent, for `take` on the page of the same path. False: too much, or too many."""
    fields = {name: text for name, text in visit.form.items() if name not in SECRET_FIELDS}
    withheld = sorted(name for name in SECRET_FIELDS - {csrf.FIELD} if visit.form.get(name, "").strip())
    text = json.dumps({"fields": fields, WITHHELD: withheld}, ensure_ascii=False).encode()
    if len(text) > LARGEST or not await _room(visit):
        return False
    path = visit.request.url.path
    await visit.site.redis.set(_key(visit, path), visit.site.marks.box(_PURPOSE, text).hex(), ex=LIVES_S)
    log.info("unsent_form_kept", path=path)
    return True


async def take(visit: Visit) -> tuple[dict[str, str], list[str]]:
    """The kept fields of this page's form, and the secret ones that were typed but not kept; once."""
    if not visit.query(RETURN):
        return {}, []
    box = await visit.site.redis.getdel(_key(visit, visit.request.url.path))
    if not box:
        return {}, []
    kept = json.loads(visit.site.marks.unbox(_PURPOSE, bytes.fromhex(box)))
    return kept["fields"], kept[WITHHELD]


async def _room(visit: Visit) -> bool:
    counted = "luochui:unsent"
    number = int(await visit.site.redis.incr(counted))
    if number == 1:
        await visit.site.redis.expire(counted, 60)
    return number <= MOST_A_MINUTE


def _key(visit: Visit, path: str) -> str:
    return f"luochui:unsent:{csrf.sign(visit.site.settings.secret, 'unsent', f'{visit.visitor} {path}')}"
