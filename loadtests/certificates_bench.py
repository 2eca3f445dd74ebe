"""What the authority does in a second: rows for `make bench`.

    python -m loadtests.certificates_bench

Certificates with their seals as the desk gets them: register and seal on disk before anything is given out.
OCSP answers as signed DER, without HTTP. A list of 100,000 revoked certificates: made, read, its signature
checked.
"""

import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import Applicant, SubjectKind
from certificates.authority.roles import Role
from loadtests.rows import Row, show
from signing.crl import Reason, Revocation, issue_crl, parse_crl
from signing.issuing import new_serial
from signing.ocsp import ask
from signing.sm2 import PrivateKey
from signing.x509 import Certificate


@dataclass(frozen=True, slots=True)
class Amount:
    """`entries`: of the list of revoked certificates."""

    certificates: int = 100
    seals: int = 20
    answers: int = 1_000
    entries: int = 100_000


QUICK: Final = Amount(certificates=10, seals=3, answers=50, entries=2_000)


def measure(amount: Amount | None = None) -> list[Row]:
    amount = amount or Amount()
    with tempfile.TemporaryDirectory() as folder:
        authority = DemonstrationAuthority.open(Path(folder) / "authority", addresses="http://127.0.0.1:8090")
        made, issuing = _issued(authority, amount)
        return [*issuing, _answers(authority, made[-1], amount), *_list(amount)]


def _issued(authority: DemonstrationAuthority, amount: Amount) -> tuple[list[Certificate], list[Row]]:
    keys = [PrivateKey.generate().public_key for _ in range(amount.certificates)]
    applicant = Applicant(SubjectKind.ORGANIZATION, "吉首示例有限公司", credit_code="91110000600037341L")
    began, made = time.perf_counter(), list[Certificate]()
    for number, key in enumerate(keys):
        made.append(authority.issue_to(applicant, key, by="bench", reference=f"bench {number}"))
    certificates = amount.certificates / (time.perf_counter() - began)
    began = time.perf_counter()
    for one in made[: amount.seals]:
        authority.make_seal(one, again=True)
        authority.handed_over(one.serial)
    seals = amount.seals / (time.perf_counter() - began)
    note = "one process; each in the register, on disk, before it is given out"
    return made, [
        Row("certificates issued", certificates, "/s", note=note),
        Row("seals made, drawn from the name", seals, "/s", note=note),
    ]


def _answers(authority: DemonstrationAuthority, certificate: Certificate, amount: Amount) -> Row:
    question = ask(certificate, authority.own(Role.ISSUING), b"bench").der
    began = time.perf_counter()
    for _ in range(amount.answers):
        authority.answer(question)
    rate = amount.answers / (time.perf_counter() - began)
    return Row("OCSP answers", rate, "/s", note="one thread, signed each, without HTTP")


def _list(amount: Amount) -> list[Row]:
    """As the authority publishes one, with so many entries."""
    with tempfile.TemporaryDirectory() as folder:
        authority = DemonstrationAuthority.open(Path(folder) / "authority")
        signer = authority._offices.signing(Role.ISSUING)
    now = datetime.now(UTC).replace(microsecond=0)
    entries = [Revocation(new_serial(), now, Reason.CESSATION) for _ in range(amount.entries)]
    began = time.perf_counter()
    made = issue_crl(signer, entries, number=1, this_update=now, next_update=now + timedelta(days=7))
    making = time.perf_counter() - began
    began = time.perf_counter()
    read = parse_crl(made.der)
    if not read.is_signed_by(signer.certificate.key) or len(read.entries) != amount.entries:
        raise RuntimeError("the list is not what was made")
    checking = time.perf_counter() - began
    size = f"{len(made.der) / 1e6:.1f} MB"
    name = f"CRL with {amount.entries:,} entries"
    return [Row(f"{name}, made", making, "s", note=size), Row(f"{name}, read and checked", checking, "s")]


if __name__ == "__main__":
    show(measure(), Console())
