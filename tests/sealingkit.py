"""Persons with UKeys, an authority, documents to seal, and an assistant without windows, for tests.

The keys lie in memory: signing through a token has tests of its own (tests/browser/test_sealing.py uses all).
"""

import base64
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from bidding.terms import Fen
from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.drawing import drawn
from certificates.authority.port import Applicant, SubjectKind
from certificates.issuing.presenting import presented
from office.accounts import Role
from signing.documents import DocumentKind, hole
from signing.jobs import Job, SealFilesTask, SealTask, read_job
from signing.ofd.writing import ofd_from_pdf
from signing.seal import Picture, Seal, SealKind
from signing.seal_signature import SealSignature, sign_with_seal, together
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.statements import SignedStatement, SignIn
from signing.token import virtual
from signing.token.port import Pin
from signing.x509 import Certificate
from tests.webkit import Visitor, Web
from trading.documents.forms import SaleConfirmation
from trading.documents.rendering import render
from trading.sales import NewDocument, SaleDocument

ENDED_AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
TRANSFEROR = "甲方示例单位"


@dataclass(frozen=True)
class UKey:
    """What an assistant reaches: a key, its certificate, its seal."""

    key: PrivateKey
    certificate: Certificate
    seal: Seal


@dataclass(frozen=True)
class UKeyOnToken:
    """The public parts of one whose key is on a token."""

    certificate: Certificate
    seal: Seal


@cache
def authority(folder: Path) -> DemonstrationAuthority:
    return DemonstrationAuthority.open(folder)


def ukey(authority: DemonstrationAuthority, name: str, days: int = 365) -> UKey:
    key = PrivateKey.generate()
    certificate = authority.issue_to(
        Applicant(SubjectKind.ORGANIZATION, name), key.public_key, days=days, by="test"
    )
    return UKey(key, certificate, authority.make_seal(certificate, name, picture=picture(name)))


@cache
def picture(name: str) -> Picture:
    """The same for every seal of this name: drawing one takes longer than making it."""
    return drawn(name, SealKind.ORGANIZATION, "4301000000001")


def equip(
    authority: DemonstrationAuthority, folder: Path, label: str, name: str, pin: Pin, days: int = 30
) -> UKeyOnToken:
    """A virtual UKey with a certificate and a seal, quick to open (its PIN is no secret)."""
    virtual.create(label, pin=pin, so_pin=virtual.random_so_pin(), folder=folder, cost=10)
    token = virtual.station(folder).token(label)
    applicant = Applicant(SubjectKind.ORGANIZATION, name)
    certificate = authority.issue_to(applicant, token.new_key(pin), days=days, by="test")
    seal = authority.make_seal(certificate, name)
    token.store(certificate, seal, (), pin)
    return UKeyOnToken(certificate, seal)


@dataclass
class Party:
    """Somebody at a browser, with an account and a UKey."""

    account: int
    login: str
    visitor: Visitor
    ukey: UKey


async def party(
    web: Web, authority: DemonstrationAuthority, login: str, role: Role, name: str, *, bound: bool = True
) -> Party:
    """A new account, signed in with a password, its UKey bound and confirmed."""
    visitor = await web.signed_in(login, role, name)
    person = await web.site.accounts.by_login(login)
    assert person is not None
    made = Party(person.id, login, visitor, ukey(authority, name))
    if bound:
        await bind(web, made)
    return made


async def bind(web: Web, party: Party, *, confirmed: bool = True) -> int:
    bound = await web.site.ukeys.bind(party.account, presented(party.ukey.certificate, party.ukey.seal))
    if confirmed:
        await web.site.ukeys.confirm(bound, by=party.account)
    return bound


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────


@cache
def files(lot: str) -> dict[DocumentKind, bytes]:
    form = SaleConfirmation(
        number=f"CJ2026-{lot}",
        lot=lot,
        title="测试标的一辆",
        asset_class="实物资产",
        transferor=TRANSFEROR,
        transferee="测试竞买人一",
        paddle="1234",
        price=1_230_000,
        ended_at=ENDED_AT,
        entries=7,
        ledger_root="ab" * 32,
        platform="测试平台",
    )
    pdf = render(form, as_of=ENDED_AT)
    return {DocumentKind.PDF: pdf, DocumentKind.OFD: ofd_from_pdf(pdf, title=lot, created=date(2026, 11, 20))}


async def document(web: Web, transferee: int, lot: str = "CAR-1") -> SaleDocument:
    """A confirmation that waits for the transferee; its lot has no auction behind it."""
    put = text(
        "INSERT INTO lots (id, title, asset_class, place, description, transferor, terms, opens_at, phase,"
        " seq, sold, winner) VALUES (:lot, '测试标的一辆', 'physical', '', '', :transferor, '{}', 0,"
        " 'closed', 7, true, '1234')"
    )
    async with web.site.engine.begin() as connection:
        await connection.execute(put, {"lot": lot, "transferor": TRANSFEROR})
    kept = {kind: await web.site.files.keep(content) for kind, content in files(lot).items()}
    made = await web.site.sales.make(
        NewDocument(
            lot=lot,
            number=f"CJ2026-{lot}",
            transferee_id=transferee,
            transferee="测试竞买人一",
            transferor=TRANSFEROR,
            title="测试标的一辆",
            price=Fen(1_230_000),
            files={kind: (file.name, file.size) for kind, file in kept.items()},
        )
    )
    assert made
    found = await web.site.sales.of_lot(lot)
    assert found is not None
    return found


# ── the assistant ───────────────────────────────────────────────────────────────────────────────────────────


def job_of(web: Web, answer: httpx.Response) -> Job:
    """The job that the platform gave out, as an assistant that is paired with it reads it."""
    assert answer.status_code == 200, answer.text
    return read_job(answer.json()["job"], web.site.jobs._key.public_key, now=datetime.now(UTC))


def signed(job: Job, ukey: UKey, login: str, **twisted: Any) -> dict[str, str]:
    """The answer to a sign-in, or one that says something else than was asked."""
    said = SignIn(job.platform, login, job.nonce, datetime.now(UTC))
    statement = replace(said, **twisted).der
    answer = SignedStatement(statement, ukey.key.sign(statement)).der
    return fields(job.nonce, answer, ukey)


async def sealing_for(web: Web, job: Job, ukey: UKey, *, at: datetime | None = None) -> SealSignature:
    """Fetch the prepared file as the assistant does, compare it, and seal it."""
    task = job.task
    assert isinstance(task, SealTask)
    prepared = await fetched(web, job)
    assert (sm3(prepared), len(prepared)) == (task.digest, task.size)
    found = hole(prepared)
    moment = at or datetime.now(UTC)
    return sign_with_seal(ukey.seal, found.digest, ukey.certificate, ukey.key, at=moment, covers=found.covers)


async def fetched(web: Web, job: Job) -> bytes:
    task = job.task
    assert isinstance(task, SealTask)
    answer = await web.visitor().get(task.url.removeprefix(web.site.jobs.platform))
    assert answer.status_code == 200, answer.text
    return answer.content


def fields(nonce: str, answer: bytes, ukey: UKey) -> dict[str, str]:
    """What the page sends back to the platform."""
    parts = {"result": answer, "certificate": ukey.certificate.der, "seal": ukey.seal.der}
    return {"nonce": nonce, **{name: base64.b64encode(data).decode() for name, data in parts.items()}}


async def sealings_for(web: Web, job: Job, ukey: UKey) -> bytes:
    """The answer to a job of several files."""
    assert isinstance(job.task, SealFilesTask)
    one_by_one = [
        replace(job, task=SealTask(file.url, file.digest, file.size, job.task.seal))
        for file in job.task.files
    ]
    return together([await sealing_for(web, one, ukey) for one in one_by_one])


async def seal(web: Web, party: Party, document: int, kind: str = "pdf") -> httpx.Response:
    """The whole way of one seal, or of several at once (`kind`: "pdf ofd")."""
    job = job_of(web, await party.visitor.post(f"/documents/{document}/prepare", {"kind": kind}))
    if isinstance(job.task, SealFilesTask):
        result = await sealings_for(web, job, party.ukey)
    else:
        result = (await sealing_for(web, job, party.ukey)).der
    form = fields(job.nonce, result, party.ukey)
    return await party.visitor.post(f"/documents/{document}/seal", form)
