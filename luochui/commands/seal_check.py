"""Before `luochui seal` seals: would its own certificate and seal hold? A server looks again, and later.

Refused is what is known to be wrong. What is not known is said in a line and does not stop anybody.
"""

import os
from collections.abc import Sequence
from datetime import datetime

import typer

from certificates.authority.trust import NoTrust, read_trust
from luochui.commands.verify import speaks_chinese
from luochui.services.faults import Repairable
from luochui.settings import Settings
from signing import SigningError
from signing.chain import Trust, check_certificate
from signing.findings import Expired, Finding, NoPath, NotYetValid, UntrustedMaker, Weight
from signing.report import said
from signing.report_words import sentence
from signing.seal import Seal
from signing.seal_check import check_seal
from signing.x509 import Certificate

_UNTRUSTED = (NoPath, UntrustedMaker)
"""Perhaps somebody else's authority, which is not in the folder here: told, and not refused."""


class WouldNotHold(Repairable):
    """The document was not sealed: its seal would not be valid."""


def check_before(
    certificate: Certificate, seal: Seal, settings: Settings, now: datetime, *, anyway: bool
) -> None:
    """Says on stderr what is not known. Raises WouldNotHold for what is wrong, unless `anyway`."""
    language = "zh" if speaks_chinese(os.environ) else "en"
    trust = _trust(settings)
    found = _dates(certificate, seal, now) if trust is None else _checked(certificate, seal, trust, now)
    if trust is None:
        typer.echo(_NOTHING[language], err=True)
    wrong = [each for each in found if each.weight is Weight.WRONG and not isinstance(each, _UNTRUSTED)]
    if wrong and not anyway:
        raise WouldNotHold(" ".join([*_sentences(wrong, language), _REFUSED[language]]))
    for text in _sentences([each for each in found if each.weight is not Weight.NOTE], language):
        typer.echo(f"{_WARNING[language]}{text}", err=True)


def _sentences(found: Sequence[Finding], language: str) -> list[str]:
    return list(dict.fromkeys(sentence(said(each), language) for each in found))


_NOTHING = {
    "zh": "没有可用的信任目录：没有检查证书是否被吊销、是否受信任。",
    "en": "There is nothing to trust: whether the certificate was revoked, or is trusted, was not checked.",
}
_WARNING = {"zh": "注意：", "en": "Warning: "}
_REFUSED = {
    "zh": "没有盖章；一定要盖请加 --anyway。",
    "en": "The document was not sealed; --anyway seals it all the same.",
}


def _trust(settings: Settings) -> Trust | None:
    try:
        return read_trust(settings.trust())
    except (NoTrust, SigningError, OSError):
        return None


def _dates(certificate: Certificate, seal: Seal, now: datetime) -> tuple[Finding, ...]:
    """What can be told without anybody to trust."""
    nobody = Trust(())
    found = check_seal(seal, nobody, at=now).own
    dated = [each for each in found if isinstance(each, NotYetValid | Expired)]
    name = str(certificate)
    if now < certificate.valid_from:
        dated.append(NotYetValid(name, certificate.valid_from, now))
    if now > certificate.valid_until:
        dated.append(Expired(name, certificate.valid_until, now))
    return tuple(dated)


def _checked(certificate: Certificate, seal: Seal, trust: Trust, now: datetime) -> tuple[Finding, ...]:
    own = check_certificate(certificate, trust, at=now)
    return (*own.findings, *check_seal(seal, trust, at=now).findings)
