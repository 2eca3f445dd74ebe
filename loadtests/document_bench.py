"""What documents and seals take, beside libcrypto's own calls: rows for `make bench`.

    python -m loadtests.document_bench [--quick]

Keys, certificates and documents are made here, in memory; no server, no network, no device.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.console import Console

from loadtests.floors.libcrypto import Raw, rate, raw
from loadtests.rows import Row, middle, percentile, show
from signing.chain import Trust
from signing.crl import issue_crl
from signing.documents import Named, seal_document
from signing.findings import Verdict
from signing.issuing import SEAL_MAKER, SUBSCRIBER, Authority, Validity, Wanted, self_signed
from signing.names import Name
from signing.ofd.picture import packaged
from signing.seal import Seal, SealInfo, SealKind, make_seal
from signing.seal_picture import official_seal
from signing.sm2 import PrivateKey
from signing.verification import verify
from signing.x509 import Certificate
from trading.documents.forms import SaleConfirmation
from trading.documents.rendering import render

MESSAGE: Final = b"a message of the usual size of what is signed" * 8
NOW: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
BEGIN: Final = NOW - timedelta(days=30)
CONFIRMATIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured: rounds, seconds of each, documents of each."""

    rounds: int = 3
    seconds: float = 0.8
    documents: int = 20


QUICK: Final = Amount(1, 0.2, 3)


@dataclass(frozen=True, slots=True)
class Party:
    """Who seals: key, certificate, seal."""

    key: PrivateKey
    certificate: Certificate
    seal: Seal


@dataclass(frozen=True, slots=True)
class World:
    """Two parties, and the trust in both."""

    parties: tuple[Party, ...]
    trust: Trust


def measure(amount: Amount = Amount()) -> list[Row]:
    """All rows of this part."""
    world = _world()
    confirmation = render(_confirmation(0), as_of=NOW)
    return [*_engine(amount), *_sealing(amount, world, confirmation), *_rendering(amount)]


def _engine(amount: Amount) -> list[Row]:
    key = PrivateKey.generate()
    signature = key.sign(MESSAGE)
    floors: list[Raw] = []
    signed, verified = [], []
    for _ in range(amount.rounds):  # in turn, so that both see the same machine
        floors.append(raw(2 * amount.seconds))
        signed.append(rate(lambda: key.sign(MESSAGE), amount.seconds))
        verified.append(rate(lambda: key.public_key.verify(MESSAGE, signature), amount.seconds))
    note = "floor: the same libcrypto on a digest that is there, with one context for all"
    return [
        Row(
            "SM2 sign, engine",
            middle(signed),
            "/s",
            middle(each.sign for each in floors),
            "ratio >= 0.65",
            ">= 2000/s on the measuring machine",
            note,
        ),
        Row(
            "SM2 verify, engine",
            middle(verified),
            "/s",
            middle(each.verify for each in floors),
            "ratio >= 0.65",
            ">= 2500/s on the measuring machine",
        ),
    ]


def _sealing(amount: Amount, world: World, confirmation: bytes) -> list[Row]:
    first, second = world.parties
    once = seal(confirmation, first, "transferee")
    twice = seal(once, second, "transferor")
    report = verify(twice, world.trust, now=NOW)
    if len(report.seals) != 2 or report.verdict is Verdict.INVALID:
        raise RuntimeError(f"the sealed document does not verify: {[str(each) for each in report.findings]}")
    sealing = _times(amount.documents, lambda: seal(confirmation, first, "transferee"))
    verifying = _times(amount.documents, lambda: verify(twice, world.trust, now=NOW))
    return [
        Row(
            "seal one PDF",
            middle(sealing),
            "ms",
            target="value <= 25",
            note=f"a confirmation of {len(confirmation) >> 10} KB, key in memory; {_spread(sealing)}",
        ),
        Row(
            "verify a PDF with two seals",
            middle(verifying),
            "ms",
            target="value <= 100",
            note=f"{len(twice) >> 10} KB, with a second opinion on each signature; {_spread(verifying)}",
        ),
    ]


def _rendering(amount: Amount) -> list[Row]:
    took = []
    for number in range(max(1, amount.rounds - 1)):
        began = time.perf_counter()
        for index in range(CONFIRMATIONS):
            render(_confirmation(1 + index + number * CONFIRMATIONS), as_of=NOW)
        took.append(time.perf_counter() - began)
    note = "one process; each with three places for seals, PDF/A-2a and PDF/UA-1"
    return [Row(f"{CONFIRMATIONS} confirmations rendered", middle(took), "s", target="value <= 5", note=note)]


def seal(document: bytes, party: Party, place: str) -> bytes:
    """Prepared, signed and filled."""
    return seal_document(document, party.seal, party.certificate, party.key, [Named(place)], at=NOW)


def _times(count: int, call: Callable[[], Any]) -> list[float]:
    """Milliseconds of each call, after one that is not counted."""
    call()
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - began))
    return taken


def _spread(times: Sequence[float]) -> str:
    return f"p90 {percentile(times, 0.9):.0f} ms, last {max(times):.0f} ms"


def _confirmation(number: int) -> SaleConfirmation:
    return SaleConfirmation(
        number=f"BENCH-{number:06d}",
        lot=f"LOT-{number}",
        title=f"测量用标的第 {number} 号（整体转让）",
        asset_class="实物资产",
        transferor="甲方示例单位",
        transferee="乙方示例贸易有限公司",
        paddle=f"{number:04d}",
        price=12_345_678 + number,
        ended_at=NOW,
        entries=57,
        ledger_root=f"{number:064x}",
        platform="示例公共资源交易平台",
    )


def _world() -> World:
    root_key, maker_key = PrivateKey.generate(), PrivateKey.generate()
    root = self_signed(Name.of("示例根 CA", "示例认证机构"), root_key, Validity.of_days(BEGIN, 3650))
    authority = Authority(root, root_key)
    valid = Validity.of_days(BEGIN, 365)
    maker = authority.issue(Wanted(Name.of("示例制章机构", "示例"), maker_key.public_key, SEAL_MAKER, valid))
    parties = tuple(
        _party(authority, valid, maker, maker_key, name) for name in ("甲方示例单位", "乙方示例贸易有限公司")
    )
    listed = issue_crl(
        authority, (), number=1, this_update=NOW - timedelta(days=1), next_update=NOW + timedelta(days=7)
    )
    return World(parties, Trust(anchors=(root,), seal_makers=(maker,), lists=(listed,)))


def _party(
    authority: Authority, valid: Validity, maker: Certificate, maker_key: PrivateKey, name: str
) -> Party:
    key = PrivateKey.generate()
    certificate = authority.issue(Wanted(Name.of(name, name), key.public_key, SUBSCRIBER, valid))
    info = SealInfo(
        vendor="LUOCHUI",
        seal_id="43010000000001",
        kind=SealKind.ORGANIZATION,
        name=name,
        created=BEGIN,
        valid_from=BEGIN,
        valid_until=NOW + timedelta(days=30),
        picture=packaged(official_seal(name, number="4301000000001"), 42, 42, title=name),
        certificates=(certificate.der,),
    )
    return Party(key, certificate, make_seal(info, maker, maker_key))


if __name__ == "__main__":
    show(measure(QUICK if "--quick" in sys.argv[1:] else Amount()), Console(width=140))
