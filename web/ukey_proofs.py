"""Whether somebody holds the UKey that they show: one statement, signed for this platform, now, once.

Pure: what was asked, whom we trust and the time come in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from signing import SigningError
from signing.chain import Trust, check_certificate
from signing.der import MalformedDer
from signing.findings import Verdict
from signing.statements import SignIn, StatementError, parse_order, parse_sign_in, parse_signed
from signing.x509 import Certificate, parse_certificate
from trading.sealing import Refusal as SealingRefusal
from trading.sealing import refusal_for
from web.languages import N_

CLOCKS_APART: Final = timedelta(minutes=5)


class Refusal(StrEnum):
    """Why a UKey is not taken."""

    UNREADABLE = "unreadable"
    SIGNATURE = "signature"
    OTHER_ORIGIN = "other_origin"
    OTHER_ACCOUNT = "other_account"
    OTHER_NONCE = "other_nonce"
    TIME = "time"
    REVOKED = "revoked"
    REVOCATION_UNKNOWN = "revocation_unknown"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    NOT_TRUSTED = "not_trusted"
    NOT_BOUND = "not_bound"
    NOT_ASKED = "not_asked"
    TRUST_UNKNOWN = "trust_unknown"


TEXTS: Final[Mapping[Refusal, str]] = {
    Refusal.UNREADABLE: N_("没有看懂 UKey 助手的答复，请重试；若仍不行，请升级 UKey 助手。"),
    Refusal.SIGNATURE: N_("UKey 的签名不对，请重试。"),
    Refusal.OTHER_ORIGIN: N_("这次签名是给另一个网站的，没有通过。请从本平台的页面重新开始。"),
    Refusal.OTHER_ACCOUNT: N_("这次签名是给另一个账号的，没有通过。请核对账号后重试。"),
    Refusal.OTHER_NONCE: N_("这次签名不是为刚才的请求做的，没有通过。请重试。"),
    Refusal.TIME: N_("UKey 助手所在电脑的时间与平台相差太大。请校准电脑时间后重试。"),
    Refusal.REVOKED: N_("这个 UKey 的证书已被吊销，不能使用。请联系发证机构补办。"),
    Refusal.REVOCATION_UNKNOWN: N_("暂时查不到这个证书有没有被吊销，为安全起见不能使用。请稍后再试。"),
    Refusal.EXPIRED: N_("这个 UKey 的证书已过期。请先到发证机构办理续期。"),
    Refusal.NOT_YET_VALID: N_("这个 UKey 的证书还没有生效。"),
    Refusal.NOT_TRUSTED: N_("这个 UKey 的证书不是平台认可的机构发的。"),
    Refusal.NOT_BOUND: N_("这个 UKey 没有绑定到这个账号。请用密码登录，到“我的 UKey”绑定，等管理员确认。"),
    Refusal.NOT_ASKED: N_("这次请求已经用过，或者超过了十分钟。请重新开始。"),
    Refusal.TRUST_UNKNOWN: N_("平台暂时不能核对证书，请稍后再试，或与平台管理员联系。"),
}
_OF_CERTIFICATE: Final = {
    SealingRefusal.REVOKED: Refusal.REVOKED,
    SealingRefusal.REVOCATION_UNKNOWN: Refusal.REVOCATION_UNKNOWN,
    SealingRefusal.EXPIRED: Refusal.EXPIRED,
    SealingRefusal.NOT_YET_VALID: Refusal.NOT_YET_VALID,
}


class ProofRefused(Exception):
    """The proof does not hold; `facts` are in English, for the log."""

    def __init__(self, refusal: Refusal, *facts: str) -> None:
        super().__init__(f"{refusal}: {'; '.join(facts)}" if facts else str(refusal))
        self.refusal = refusal
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the statement has to say."""

    origin: str
    account: str
    nonce: str


def check_proof(
    answer: bytes, certificate: bytes, wanted: Wanted, trust: Trust, *, now: datetime
) -> Certificate:
    """The certificate whose key signed what was wanted, valid and not revoked now. Raises ProofRefused."""
    try:
        shown = parse_certificate(certificate)
        statement = parse_sign_in(parse_signed(answer).checked(shown.key))
    except StatementError as error:
        raise ProofRefused(Refusal.SIGNATURE, str(error)) from error
    except (MalformedDer, ValueError) as error:
        raise ProofRefused(Refusal.UNREADABLE, str(error)) from error
    _compare(statement, wanted, now)
    check_trusted(shown, trust, now=now)
    return shown


@dataclass(frozen=True, slots=True)
class WantedOrder:
    """What a statement about an order has to say. `digest`: of the text that was shown, hex."""

    origin: str
    order: str
    nonce: str
    digest: str


def check_order(answer: bytes, certificate: Certificate, wanted: WantedOrder, *, now: datetime) -> None:
    """That this certificate's key signed what was wanted, now; not whether it is trusted.

    Raises ProofRefused.
    """
    try:
        statement = parse_order(parse_signed(answer).checked(certificate.key))
    except StatementError as error:
        raise ProofRefused(Refusal.SIGNATURE, str(error)) from error
    except (SigningError, ValueError) as error:
        raise ProofRefused(Refusal.UNREADABLE, str(error)) from error
    checks = (
        (statement.origin == wanted.origin, Refusal.OTHER_ORIGIN),
        (statement.nonce == wanted.nonce, Refusal.OTHER_NONCE),
        (statement.order == wanted.order, Refusal.OTHER_NONCE),
        (statement.digest.hex() == wanted.digest, Refusal.OTHER_NONCE),
        (abs(statement.time - now) <= CLOCKS_APART, Refusal.TIME),
    )
    for fits, refusal in checks:
        if not fits:
            raise ProofRefused(refusal)


def check_trusted(certificate: Certificate, trust: Trust, *, now: datetime) -> None:
    """Path, dates and revocation. Raises ProofRefused."""
    report = check_certificate(certificate, trust, at=now)
    if report.verdict is not Verdict.VALID:
        refusal = _OF_CERTIFICATE.get(refusal_for(report.findings), Refusal.NOT_TRUSTED)
        raise ProofRefused(refusal, *map(str, report.findings))


def _compare(statement: SignIn, wanted: Wanted, now: datetime) -> None:
    checks = (
        (statement.origin == wanted.origin, Refusal.OTHER_ORIGIN),
        (statement.account == wanted.account, Refusal.OTHER_ACCOUNT),
        (statement.nonce == wanted.nonce, Refusal.OTHER_NONCE),
        (abs(statement.time - now) <= CLOCKS_APART, Refusal.TIME),
    )
    for fits, refusal in checks:
        if not fits:
            raise ProofRefused(refusal)
