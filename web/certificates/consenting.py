"""Consent by UKey: the certificate that is held signs the order; the page's script asks the assistant."""

from datetime import UTC, datetime
from typing import Final

import structlog
from starlette.responses import JSONResponse, Response

from certificates.catalogue.model import ConsentBy
from certificates.orders.mine import Mine
from certificates.orders.order import read
from certificates.orders.performing import Lacks, NotAllowed, Stale
from certificates.orders.signing import Signing, consent_text, digest_of, ways_to_consent
from certificates.orders.states import OrderState
from office.marks import BoxUnreadable
from signing import SigningError
from signing.jobs import OrderTask
from web.certificates.own import base, in_words, mine_in_path
from web.certificates.writing_flow import give_job
from web.jobs import Purpose
from web.languages import N_
from web.trust import TrustUnknown
from web.ukey_proofs import TEXTS, ProofRefused, Refusal, WantedOrder, check_order, check_trusted
from web.ukey_sign_in import answered, failed, taken
from web.visits import Visit

log = structlog.get_logger(__name__)

NOT_NOW: Final = N_("现在不能签名：订单的状态或者内容已经变了。请刷新页面查看。")
NO_CERTIFICATE: Final = N_("没有找到要用来签名的证书。请返回修改，重新选择。")
TITLE: Final = N_("订单 %(number)s：签名确认")


def signing_on(visit: Visit) -> Signing:
    return Signing(visit.site.engine)


def by_ukey(mine: Mine) -> bool:
    """Whether the channel asks for a signature here."""
    return ConsentBy.UKEY in ways_to_consent(mine.rules, mine.case)


def by_code(mine: Mine) -> bool:
    return ConsentBy.CODE in ways_to_consent(mine.rules, mine.case)


def steps(visit: Visit, mine: Mine) -> list[dict[str, object]]:
    """The job for the page's script."""
    here = f"{base(mine.order)}/consent"
    return [
        {
            "challenge": f"{here}/job",
            "answer": f"{here}/signed",
            "fields": {"to": f"{base(mine.order)}/go-on", "version": str(mine.order.version)},
            "title": visit.text(N_("签名确认")),
        }
    ]


@in_words
async def job(visit: Visit) -> Response:
    """For the certificate that the order is about, and for no other."""
    mine = await mine_in_path(visit)
    if mine.order.state is not OrderState.AWAITING_CONSENT or not by_ukey(mine):
        return failed(visit, NOT_NOW, 409)
    row = await signing_on(visit).signer(mine)
    if row is None:
        return failed(visit, NO_CERTIFICATE, 409)
    number = mine.order.number
    task = OrderTask("", number, consent_text(mine), bytes.fromhex(row.fingerprint))
    async with visit.site.engine.connect() as connection:
        version = (await read(connection, number)).version
    facts = {"number": number, "version": str(version), "digest": digest_of(mine)}
    return await give_job(visit, Purpose.CONSENT, visit.text(TITLE) % {"number": number}, task, facts)


@in_words
async def signed(visit: Visit) -> Response:
    """The assistant's answer: judged, kept; with nothing else to ask for, the order goes on."""
    mine = await mine_in_path(visit)
    try:
        await _keep(visit, mine)
    except ProofRefused as refused:
        log.info("ukey_refused", refusal=str(refused.refusal), facts=refused.facts)
        return failed(visit, TEXTS[refused.refusal], 422)
    except (NotAllowed, Lacks, Stale):
        return failed(visit, NOT_NOW, 409)
    except (BoxUnreadable, SigningError):
        log.error("order_box_unreadable", order=mine.order.number)
        return failed(visit, NO_CERTIFICATE, 409)
    visit.flash("success", visit.text(N_("UKey 已签名。")))
    return JSONResponse({"ok": True, "to": visit.form.get("to", "")})


async def _keep(visit: Visit, mine: Mine) -> None:
    """Raises ProofRefused, NotAllowed, Lacks, Stale."""
    asked = await taken(visit, Purpose.CONSENT)
    if asked.facts["number"] != mine.order.number:
        raise ProofRefused(Refusal.NOT_ASKED)
    row = await signing_on(visit).signer(mine)
    if row is None:
        raise ProofRefused(Refusal.NOT_BOUND)
    certificate, now = row.bundle(visit.site.marks).certificate, datetime.now(UTC)
    statement = answered(visit, "result")
    digest = asked.facts["digest"]
    wanted = WantedOrder(visit.site.jobs.platform, mine.order.number, asked.nonce, digest)
    check_order(statement, certificate, wanted, now=now)
    try:
        check_trusted(certificate, await visit.site.trust.current(), now=now)
    except TrustUnknown as unknown:
        raise ProofRefused(Refusal.TRUST_UNKNOWN) from unknown
    version = int(asked.facts["version"])
    await signing_on(visit).keep(mine, digest, statement, version=version, now=visit.site.clock())
