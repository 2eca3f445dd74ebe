"""Channel × service × subject × way as spec/certificates.md says it, typed from there and not read from the
catalogue, which is held against these rows.

    Row(channel, service, "O", "post", fen=…, pays=…, brings=…, …)     one cell of the table that has an entry
    REFUSED                                                              every cell that has none

Sums are of the shortest term, or of `years`. None: the specification leaves the sum to the catalogue.
`pays`: way, and for a transfer whose account it comes from; "" where nothing is paid. `brings`: documents
that are uploaded, brought or sent. `pin`: how the PIN comes and to whom.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

CHANNELS: Final = ("hunan_sanzi", "guangdong_gpcloud", "hunan_shared", "shenzhen_ca", "xiangxi")
SERVICES: Final = ("issue", "additional", "renew", "unlock", "replace", "modify", "revoke", "convert")
SUBJECTS: Final = {"O": "organization", "L": "legal_representative", "N": "natural_person"}
WAYS: Final = ("online", "counter", "post", "assistant")

Values = dict[str, Any]
Cell = tuple[str, str, str, str]
"""Channel, service, subject, way."""
ORGANIZATION, OWN = "transfer:organization", "transfer:own"
SPOT, WECHAT, ALIPAY = "on_the_spot", "wechat", "alipay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    channel: str
    service: str
    letter: str
    way: str
    fen: int | None = 0
    years: int = 0
    pays: tuple[str, ...] = ()
    brings: frozenset[str] = frozenset()
    pin: str = ""
    another_operator: bool = False
    """An unlock that the operator of the last order does not ask for."""
    product: str = ""
    """Where the channel sells a subject more than one that differ; "": its usual one."""

    @property
    def subject(self) -> str:
        return SUBJECTS[self.letter]

    @property
    def id(self) -> str:
        more = "-another_operator" if self.another_operator else ""
        more += f"-{self.product}" if self.product else ""
        return f"{self.channel}-{self.service}-{self.subject}-{self.way}{more}"

    @property
    def cell(self) -> Cell:
        return self.channel, self.service, self.subject, self.way


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COPIES: Final = {
    "O": _set("certificate_form licence operator_id"),
    "L": _set("certificate_form applicant_id"),
    "N": _set("certificate_form applicant_id"),
}
"""hunan-sanzi: the form and the copies that go with it."""
_GPCLOUD: Final = {
    "O": _set("certificate_form licence operator_id"),
    "L": _set("certificate_form licence operator_id applicant_id"),
    "N": _set("certificate_form applicant_id"),
}
_SMS: Final = {"O": "sms:operator", "L": "sms:applicant", "N": "sms:applicant"}
_UNCHANGED: Final = "unchanged:applicant"
_UKEY, _VOUCHER = _set("ukey"), _set("voucher")


def _sanzi() -> Iterator[Row]:
    issued = {"O": 40_00, "L": 30_00, "N": 30_00}
    year = {"O": 300_00, "L": 200_00, "N": 200_00}
    alone = {"O": (ORGANIZATION,), "L": (ORGANIZATION, OWN), "N": (OWN,)}
    """Whose transfer pays at the counter, by post, for a renewal or a replacement."""
    for one in "OLN":
        at: Values = {"channel": "hunan_sanzi", "letter": one}
        form, copies = _set("certificate_form"), _COPIES[one]
        online = (OWN,) if one == "N" else (ORGANIZATION,)
        yield Row(
            **at, service="issue", way="online", fen=issued[one], pays=online, brings=form, pin=_SMS[one]
        )
        there = {"O": (*alone["O"], SPOT), "L": alone["L"], "N": (*alone["N"], WECHAT)}[one]
        brought = copies | _VOUCHER
        yield Row(
            **at, service="issue", way="counter", fen=issued[one], pays=there, brings=brought, pin=_SMS[one]
        )
        renewed: Values = {"service": "renew", "fen": 2 * year[one], "years": 2, "pin": _UNCHANGED}
        sent = brought | _UKEY
        yield Row(**at, **renewed, way="counter", pays=(*alone[one], WECHAT), brings=sent)
        yield Row(**at, **renewed, way="post", pays=alone[one], brings=sent)
        yield Row(**at, **renewed, way="assistant", pays=(WECHAT, ALIPAY))
        for way in ("counter", "post"):
            wechat = (WECHAT,) if one == "N" and way == "counter" else ()
            replaced = (*alone[one], *wechat)
            yield Row(
                **at, service="replace", way=way, fen=100_00, pays=replaced, brings=brought, pin=_SMS[one]
            )
            proof = _set("change_notice") if one == "O" else _set("household_register")
            yield Row(**at, service="modify", way=way, brings=copies | _UKEY | proof, pin=_UNCHANGED)
            yield Row(**at, service="revoke", way=way, brings=copies | _UKEY)
            yield Row(**at, service="unlock", way=way, brings=copies | _UKEY, pin=_SMS[one])
        unlocked: Values = {"service": "unlock", "way": "assistant", "pin": "chosen:applicant"}
        yield Row(**at, **unlocked)
        yield Row(**at, **unlocked, brings=copies, another_operator=True)


def _gpcloud() -> Iterator[Row]:
    first = {"O": (600_00, 400_00), "L": (360_00, 160_00), "N": (360_00, 160_00)}
    for one in "OLN":
        at: Values = {"channel": "guangdong_gpcloud", "letter": one}
        copies, (year1, later) = _GPCLOUD[one], first[one]
        transfer = (OWN,) if one == "N" else (ORGANIZATION,)
        bought: Values = {
            "service": "issue",
            "fen": year1 + later,
            "years": 2,
            "brings": copies | _VOUCHER,
            "pin": _SMS[one],
        }
        renewed: Values = {"service": "renew", "fen": 2 * later, "years": 2, "pin": _UNCHANGED}
        replaced: Values = {"service": "replace", "fen": 200_00, "pin": _SMS[one]}
        for way in ("counter", "post"):
            pays = (*transfer, SPOT) if way == "counter" else transfer
            voucher = _VOUCHER if way == "post" else frozenset[str]()
            yield Row(**at, **bought, way=way, pays=pays)
            yield Row(**at, **renewed, way=way, pays=pays, brings=copies | _UKEY | _VOUCHER)
            yield Row(**at, **replaced, way=way, pays=pays, brings=copies | voucher)
            yield Row(**at, service="unlock", way=way, brings=copies | _UKEY, pin=_SMS[one])
            if one != "N":
                notice = copies | _UKEY | _set("change_notice")
                yield Row(**at, service="modify", way=way, brings=notice, pin=_UNCHANGED)
        yield Row(**at, **renewed, way="assistant", pays=(ALIPAY,))
        unlocked: Values = {"service": "unlock", "way": "assistant", "pin": "chosen:applicant"}
        yield Row(**at, **unlocked)
        yield Row(**at, **unlocked, brings=copies, another_operator=True)
        yield Row(**at, service="revoke", way="counter", brings=copies | _UKEY)
    yield Row(
        channel="guangdong_gpcloud",
        service="additional",
        letter="O",
        way="online",
        fen=600_00 + 400_00,
        years=2,
        pays=(ALIPAY, ORGANIZATION),
        brings=_GPCLOUD["O"],
        pin="sms:operator",
    )


def _shared() -> Iterator[Row]:
    sample = {"O": _set("licence operator_id seal_sample_form"), "N": _set("applicant_id seal_sample_form")}
    pin = {"O": "sms:legal_representative", "N": "sms:applicant"}
    for one in "ON":
        at: Values = {"channel": "hunan_shared", "letter": one}
        paid: Values = {"fen": None, "pays": (ALIPAY, WECHAT)}
        for service in ("issue", "replace"):
            yield Row(**at, **paid, service=service, way="online", brings=sample[one], pin=pin[one])
        yield Row(**at, **paid, service="renew", way="assistant", pin=_UNCHANGED)
        yield Row(**at, service="unlock", way="assistant", pin="chosen:applicant")
        yield Row(**at, service="modify", way="assistant", pin=_UNCHANGED)


def _others() -> Iterator[Row]:
    at: Values = {"channel": "shenzhen_ca", "service": "issue", "way": "online"}
    form = _set("certificate_form seal_sample_form")
    organization: Values = {"letter": "O", "fen": 350_00, "years": 1, "brings": form | _set("licence")}
    qr = (ALIPAY, WECHAT)
    yield Row(**at, **organization, pays=(*qr, ORGANIZATION), pin="transfer_remark:organization")
    person: Values = {"letter": "N", "fen": 600_00, "brings": form}
    yield Row(**at, **person, pays=(*qr, ORGANIZATION), pin="transfer_remark:organization")
    alone: Values = {"product": "person", "pin": "transfer_remark:applicant"}  # of no organization (ours)
    yield Row(**at, **person, **alone, pays=(*qr, OWN))
    for one in "OLN":
        yield Row(channel="xiangxi", service="convert", letter=one, way="assistant", pin=_UNCHANGED)


ROWS: Final = (*_sanzi(), *_gpcloud(), *_shared(), *_others())
REFUSED: Final = tuple(
    cell
    for cell in product(CHANNELS, SERVICES, SUBJECTS.values(), WAYS)
    if cell not in {row.cell for row in ROWS}
)
