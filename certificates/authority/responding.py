"""What the authority says of its certificates and of the time: OCSP answers and time stamps."""

from datetime import timedelta
from typing import Final

from certificates.authority.offices import Offices
from certificates.authority.records import Records
from certificates.authority.roles import Role
from signing.der import MalformedDer
from signing.issuing import Authority
from signing.ocsp import Refusal, Standing, answer, parse_question, refusal
from signing.timestamp import Stamper

ANSWER_LASTS: Final = timedelta(hours=1)
TSA_POLICY: Final = "2.25.213706331104190722893514205476293414101"
"""Of our own (a UUID): a demonstration's time, nothing that a court would take."""


def ocsp_answer(records: Records, offices: Offices, question: bytes) -> bytes:
    """An OCSP answer (DER) to a question (DER); what cannot be answered gets one that says so."""
    try:
        asked = parse_question(question)
    except MalformedDer:
        return refusal(Refusal.MALFORMED)
    if not asked.about.is_below(offices.own(Role.ISSUING)):
        return refusal(Refusal.UNAUTHORIZED)
    with records.reading() as register:
        revocation = register.revocations.get(asked.about.serial)
        known = asked.about.serial in register.entries
    standing = Standing.REVOKED if revocation else Standing.GOOD if known else Standing.UNKNOWN
    now = records.clock()
    made = answer(
        Authority(offices.own(Role.OCSP), offices.key(Role.OCSP)),
        asked.about,
        standing,
        produced_at=now,
        next_update=now + ANSWER_LASTS,
        revocation=revocation,
        nonce=asked.nonce,
    )
    return made.der


def time_stamp(records: Records, offices: Offices, request: bytes) -> bytes:
    """An RFC 3161 answer (DER) to a request (DER), refusals included."""
    own, chain = offices.own(Role.TSA), (offices.own(Role.ISSUING),)
    stamper = Stamper(own, offices.key(Role.TSA), TSA_POLICY, chain=chain)
    return stamper.answer(request, now=records.clock())
