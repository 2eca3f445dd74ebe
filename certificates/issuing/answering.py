"""The authority's side: a round over what is asked, in the process that has the authority's key.

Of each question the order's row is locked, then the question's: what the authority is to be asked is decided
and kept. It is asked without a lock, however long it takes; then the rows are locked again and its answer is
kept. Killed in between, the next round asks under the same reference and gets the same certificate and the
same seal. A certificate that nobody waits for by then (the order was given up) is revoked. Nothing here is
said by the web but the PKCS#10 request: whom a certificate names and until when it holds is read from the
order, as it was reviewed.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.authority.port import (
    Authorities,
    AuthorityAway,
    AuthorityError,
    Unusable,
)
from certificates.authority.register import RegisterDamaged
from certificates.catalogue.scope import Service
from certificates.catalogue.store import Catalogue, channel_on
from certificates.catalogue.terms import Expired
from certificates.issuing import deciding, issued, requests
from certificates.issuing.authorizing import Authorizing, NotAnswered
from certificates.issuing.deciding import Former, NothingBefore
from certificates.issuing.issued import Issued
from certificates.issuing.not_done import put_off, refuse
from certificates.issuing.questions import Question, made
from certificates.issuing.requests import Request, Waiting
from certificates.issuing.revoking import Revoking, ToRevoke, to_revoke
from certificates.issuing.states import Holding, RequestKind, RequestState
from certificates.orders import about, materials
from certificates.orders.boxes import OrderBoxes
from certificates.orders.order import Order
from certificates.orders.order import locked as locked_order
from certificates.orders.states import OrderState
from office.marks import BoxUnreadable, Marks
from signing import SigningError
from signing.crl import Reason
from signing.csr import CertificateRequest, parse_request
from signing.installing import Bundle
from signing.seal import SealKind
from signing.sm2 import PublicKey
from signing.sm3 import sm3
from signing.token.codes import CodeBook
from signing.token.port import Pin
from signing.x509 import Certificate

log = structlog.get_logger(__name__)

AT_ONCE: Final = 50
PATIENCE_S: Final = 1.0


class Answering:
    """`next_code`: a new authorization code, random. One round at a time in a process; several may run."""

    def __init__(
        self,
        engine: AsyncEngine,
        marks: Marks,
        authorities: Authorities,
        codes: CodeBook,
        next_code: Callable[[], Pin],
    ) -> None:
        self._engine = engine
        self._marks = marks
        self._boxes = OrderBoxes(marks)
        self._catalogue = Catalogue(engine)
        self._authorities = authorities
        self._rests: dict[str, datetime] = {}
        """Authorities that were away, and until when their requests rest."""
        self._asking: dict[str, asyncio.Task[int]] = {}
        """Whom we are asking elsewhere: one after the other for each, however long that takes."""
        self._revoking = Revoking(engine, authorities)
        self._authorizing = Authorizing(marks, codes, next_code)

    async def round(self, now: datetime) -> int:
        """Answer what is asked; how many answers.

        Who is reached elsewhere is asked beside the round, which waits for it no longer than PATIENCE_S.
        """
        await self._revoking.begin(now)
        self._rests = {key: until for key, until in self._rests.items() if until > now}
        async with self._engine.connect() as connection:
            waiting = await requests.asked(connection, AT_ONCE, now, [*self._rests, *self._asking])
        for key in {one.authority for one in waiting if self._authorities.elsewhere(one.authority)}:
            theirs = [one for one in waiting if one.authority == key]
            self._asking[key] = asyncio.create_task(self._several(theirs, now))
        here = [one for one in waiting if one.authority not in self._asking]
        return await self._several(here, now) + await self._answered_elsewhere()

    async def close(self) -> None:
        """Leave nothing running: what was being asked is asked again under its reference."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _answered_elsewhere(self) -> int:
        if self._asking:
            await asyncio.wait(self._asking.values(), timeout=PATIENCE_S)
        done = {key: task for key, task in self._asking.items() if task.done()}
        for key in done:
            del self._asking[key]
        return sum(task.result() for task in done.values())

    async def _several(self, waiting: Sequence[Waiting], now: datetime) -> int:
        answered = 0
        for one in waiting:
            try:
                answered += await self._one(one.id, one.number, now)
            except (RegisterDamaged, SQLAlchemyError):
                raise
            except AuthorityAway as away:
                log.warning("authority_away", request=one.id, authority=one.authority, why=str(away))
                await put_off(self._engine, one, now, pause_s=away.pause_s)
                if away.pause_s:
                    self._rests[one.authority] = now + timedelta(seconds=away.pause_s)
                    return answered
            except AuthorityError as error:
                log.warning("authority_refuses", request=one.id, order=one.number, why=str(error))
                await put_off(self._engine, one, now)
            except Exception:  # one that cannot be answered now keeps nobody else waiting
                log.exception("request_not_answered", request=one.id, order=one.number)
                await put_off(self._engine, one, now)
        return answered

    async def _one(self, request_id: int, number: str, now: datetime) -> bool:
        async with self._engine.begin() as connection:
            order = await locked_order(connection, number)
            request = await requests.locked(connection, request_id)
            if request is None or not request.is_unsettled:
                return False
            try:
                asking = await self._look(connection, order, request, now)
            except NotAnswered as refused:
                await refuse(connection, request, refused.code, now)
                return True
        match asking:
            case Question():
                return await self._issue(request, asking, now)
            case ToRevoke():
                return await self._revoking.revoke(request, asking, now)
        return True

    async def _look(
        self, connection: AsyncConnection, order: Order, request: Request, now: datetime
    ) -> Question | ToRevoke | None:
        """What an authority is to be asked; None: answered here and now. Raises NotAnswered."""
        match request.kind:
            case RequestKind.CERTIFICATE:
                return await self._question(connection, order, request, now)
            case RequestKind.REVOCATION:
                return await to_revoke(connection, order, request)
            case RequestKind.AUTHORIZATION:
                await _require_to_unlock(connection, order, request, now)
                await self._authorizing.unlock(connection, order, request, now)
            case RequestKind.FIRST_PIN:
                await self._authorizing.first_pin(connection, order, request, now)
        return None

    # ── certificates ──

    async def _question(
        self, connection: AsyncConnection, order: Order, request: Request, now: datetime
    ) -> Question:
        """Decided and kept; of an abandoned request the one that was asked. Raises NotAnswered."""
        asked = _possessed(request.content)
        if request.question is not None and request.state is RequestState.ABANDONED:
            kept = self._marks.unbox(requests.question_purpose(request.id), request.question)
            return Question.unpacked(kept, asked.key)
        if order.state is not OrderState.ISSUING or Service(order.service) not in deciding.MAKES:
            raise NotAnswered("order")
        former = await self._former(connection, order, now)
        wanted = await self._wanted(connection, order, former, asked.key, now)
        box = self._marks.box(requests.question_purpose(request.id), wanted.packed())
        await requests.put_question(connection, request, box)
        return wanted

    async def _issue(self, request: Request, question: Question, now: datetime) -> bool:
        bundle: Bundle | None = None
        useless: Certificate | None = None
        try:
            authority = self._authorities.of(question.authority, question.mark or question.authority)
            bundle = await asyncio.to_thread(made, authority, question, request.reference)
        except (AuthorityAway, RegisterDamaged):
            raise  # no answer to the question: it is asked again
        except SigningError as error:
            log.warning("not_issued", request=request.id, order=request.number, why=str(error))
            useless = error.made if isinstance(error, Unusable) else None
        async with self._engine.begin() as connection:
            order = await locked_order(connection, request.number)
            held = await requests.held(connection, request.id)
            if not held.is_unsettled:
                return False  # another process was as quick, and got the same
            if bundle is None:
                serial = await self._keep_useless(connection, order, held, useless, question.authority, now)
                await refuse(connection, held, "authority", now, serial)
                return True
            await self._keep(connection, order, held, bundle, question.authority, now)
        await asyncio.to_thread(authority.handed_over, bundle.certificate.serial)
        return True

    async def _keep(
        self,
        connection: AsyncConnection,
        order: Order,
        request: Request,
        bundle: Bundle,
        authority: str,
        now: datetime,
    ) -> None:
        """The certificate, and the answer; what nobody waits for any more is revoked."""
        row = self._row(order, request, bundle.certificate, bundle.der, authority, now)
        await issued.put(connection, row)
        log.info("issued", order=order.number, request=request.id, serial=row.serial, authority=row.authority)
        if request.state is RequestState.ABANDONED:
            await requests.settle(connection, request, serial=row.serial)
            await requests.ask_revocation(connection, order.number, row.serial, Reason.CESSATION, now)
            return
        answer = self._marks.box(requests.purpose(request.id), bundle.der)
        values = {"answer": answer, "serial": row.serial}
        await requests.move(connection, request, RequestState.ANSWERED, now=now, **values)

    async def _keep_useless(
        self,
        connection: AsyncConnection,
        order: Order,
        request: Request,
        certificate: Certificate | None,
        authority: str,
        now: datetime,
    ) -> str:
        """A certificate that was made and is not used: its serial number, so that it is known here, and
        revoked there. What stands here already, under another request, is left as it is."""
        if certificate is None or await issued.by_serial(connection, f"{certificate.serial:x}") is not None:
            return ""
        row = self._row(order, request, certificate, certificate.der, authority, now)
        await issued.put(connection, row)
        await requests.ask_revocation(connection, order.number, row.serial, Reason.CESSATION, now)
        return row.serial

    async def _wanted(
        self,
        connection: AsyncConnection,
        order: Order,
        former: Former | None,
        key: PublicKey,
        now: datetime,
    ) -> Question:
        stored = await channel_on(connection, order.catalogue_id)
        issuer = deciding.authority(order, former)
        known = (await self._catalogue.authorities()).get(issuer)
        try:
            details = await self._boxes.details(connection, order.number)
            if stored is None:
                raise NotAnswered("catalogue")
            applicant = deciding.applicant(order, stored.rules, details, former)
            until = deciding.until(order, stored.rules, details, former, now)
            person = order.subject != "organization"
            kind = SealKind.PERSON if person else SealKind.ORGANIZATION
            sample = await self._sample(connection, order.number)
            picture = await asyncio.to_thread(deciding.picture, order, kind, former, sample)
        except NothingBefore as unknown:
            raise NotAnswered("former") from unknown
        except Expired as over:
            raise NotAnswered("expired") from over
        except AuthorityError as error:
            raise NotAnswered("name") from error
        except BoxUnreadable as unreadable:
            raise NotAnswered("box") from unreadable
        except LookupError as no_term:
            raise NotAnswered("term") from no_term
        return Question(applicant, key, until, issuer, known.short if known else "", picture)

    async def _former(self, connection: AsyncConnection, order: Order, now: datetime) -> Former | None:
        """The certificate that the order is about, when it is this applicant's and still stands; it is held
        until the new one is kept. Raises NotAnswered."""
        if not order.about_certificate:
            return None
        await _require_former(connection, order, now)
        row = await issued.about(connection, order)
        if row is None:
            raise NotAnswered("former")
        try:
            return Former(row.bundle(self._marks), row.valid_until, row.authority)
        except (BoxUnreadable, SigningError) as unreadable:
            raise NotAnswered("box") from unreadable

    async def _sample(self, connection: AsyncConnection, number: str) -> bytes | None:
        """The uploaded seal sample, when it is a picture."""
        for file in await materials.of(connection, number):
            if file.kind.partition(".")[0] == deciding.SAMPLE and file.media_type.startswith("image/"):
                return await self._boxes.read(connection, number, materials.content_name(file.id))
        return None

    def _row(
        self,
        order: Order,
        request: Request,
        certificate: Certificate,
        content: bytes,
        authority: str,
        now: datetime,
    ) -> Issued:
        serial = f"{certificate.serial:x}"
        return Issued(
            serial=serial,
            fingerprint=sm3(certificate.der).hex(),
            request_id=request.id,
            number=order.number,
            account_id=order.account_id,
            state=Holding.MADE,
            channel=order.channel,
            authority=authority,
            subject=order.subject,
            product=order.product,
            medium=request.medium,
            crypto_card=request.card,
            follows="" if Service(order.service) in deciding.FIRST else order.about_certificate,
            valid_from=certificate.valid_from,
            valid_until=certificate.valid_until,
            box=self._marks.box(issued.purpose(serial), content),
            made_at=now,
            written_at=None,
            revoked_at=None,
            reason="",
        )


async def _require_former(connection: AsyncConnection, order: Order, now: datetime) -> None:
    """Raises NotAnswered when the certificate of the order was revoked or renewed since it was approved."""
    if (await about.still(connection, order, now)).hindrance is not None:
        raise NotAnswered("former")


async def _require_to_unlock(
    connection: AsyncConnection, order: Order, request: Request, now: datetime
) -> None:
    """An approved order to unlock this very UKey: the web alone releases no code. Raises NotAnswered."""
    await _require_former(connection, order, now)
    row = await issued.about(connection, order)
    if order.service != Service.UNLOCK or order.state is not OrderState.ISSUING:
        raise NotAnswered("order")
    if row is None or row.crypto_card != request.card:
        raise NotAnswered("former")
    if not await issued.alone_in_ukey(connection, row):
        raise NotAnswered("card")


def _possessed(content: bytes) -> CertificateRequest:
    """Raises NotAnswered unless the key in it signed it."""
    try:
        asked = parse_request(content)
    except SigningError as error:
        raise NotAnswered("request") from error
    if not asked.proves_possession:
        raise NotAnswered("request")
    return asked
