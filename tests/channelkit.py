"""The channels that the program ships, and short ways to say a case, for the tests of the catalogue."""

from functools import cache

from certificates.authority.port import SubjectKind
from certificates.catalogue.model import ChannelRules
from certificates.catalogue.reading import read_channel
from certificates.catalogue.scope import Case, Circumstance, IdentityCheck, PaymentWay, Service, Way
from certificates.catalogue.store import BESIDES, shipped

KINDS = {
    "O": SubjectKind.ORGANIZATION,
    "L": SubjectKind.LEGAL_REPRESENTATIVE,
    "N": SubjectKind.NATURAL_PERSON,
}
CHANNELS = ("hunan_sanzi", "guangdong_gpcloud", "hunan_shared", "shenzhen_ca", "xiangxi")

SMALL = """
key = "new_channel"
name = "新渠道"
summary = "在网上办，寄到家。"
authorities = ["bjca"]
subjects = ["natural_person"]
offers = [{ services = ["issue"], ways = ["online"] }]
elsewhere = [{ note = "这里只办首次办理。" }]
products = [{ key = "person", name = "个人证书", subject = "natural_person", months = 12 }]
prices = [{ parts = [{ kind = "certificate", fen = 100 }] }]
payments = [{ by = "wechat" }]
reviews = [{ working_days = 1 }]
pins = [{ by = "sms", to = "applicant" }]
deliveries = [{ by = "courier", freight = "free" }]

[uploads]
images = ["png"]
most_bytes = 100000

[[routes]]
stages = [{ name = "办理", steps = ["details", "payment", "review", "issue", "pin", "courier"] }]
"""
"""A channel of one service, as its data file."""


@cache
def channel(key: str) -> ChannelRules:
    """A shipped channel, read."""
    return read_channel(shipped()[key])


def shipped_channels() -> tuple[str, ...]:
    return tuple(key for key in shipped() if key not in BESIDES)


def case(
    service: str,
    subject: str,
    way: str = "online",
    *circumstances: str,
    product: str | None = None,
    authority: str | None = None,
    paid_by: str | None = None,
    checks: tuple[str, ...] = (),
) -> Case:
    """`case("renew", "O", "post", "prepaid")`."""
    return Case(
        service=Service(service),
        subject=KINDS[subject],
        way=Way(way),
        product=product,
        authority=authority,
        paid_by=None if paid_by is None else PaymentWay(paid_by),
        identified_by=frozenset(IdentityCheck(check) for check in checks),
        circumstances=frozenset(Circumstance(one) for one in circumstances),
    )
