"""The table "Payment" of spec/certificates.md: who may pay how; the payer rule binds bank transfers only."""

import pytest

from certificates.catalogue.model import Payer
from certificates.catalogue.paying import (
    PaymentRefusal,
    Subscriber,
    payer_of,
    payments_of,
    refusal,
    transfer_refusal,
)
from certificates.catalogue.scope import PaymentWay
from tests.channelkit import KINDS, case, channel

BOTH = "organization own"
PRODUCTS = {"shenzhen_ca": {"O": "organization", "N": "organization_person"}}
# (channel, service, way, subject, {way to pay: payers})
ROWS: list[tuple[str, str, str, str, dict[str, str]]] = [
    ("hunan_sanzi", "issue", "online", "O", {"transfer": "organization"}),
    ("hunan_sanzi", "issue", "online", "L", {"transfer": "organization"}),
    ("hunan_sanzi", "issue", "online", "N", {"transfer": "own"}),
    ("hunan_sanzi", "issue", "counter", "O", {"transfer": "organization", "on_the_spot": ""}),
    ("hunan_sanzi", "issue", "counter", "L", {"transfer": BOTH}),
    ("hunan_sanzi", "issue", "counter", "N", {"transfer": "own", "wechat": ""}),
    ("hunan_sanzi", "renew", "counter", "O", {"transfer": "organization", "wechat": ""}),
    ("hunan_sanzi", "renew", "counter", "L", {"transfer": BOTH, "wechat": ""}),
    ("hunan_sanzi", "renew", "counter", "N", {"transfer": "own", "wechat": ""}),
    ("hunan_sanzi", "renew", "post", "O", {"transfer": "organization"}),
    ("hunan_sanzi", "renew", "post", "L", {"transfer": BOTH}),
    ("hunan_sanzi", "renew", "post", "N", {"transfer": "own"}),
    ("hunan_sanzi", "replace", "counter", "O", {"transfer": "organization"}),
    ("hunan_sanzi", "replace", "counter", "L", {"transfer": BOTH}),
    ("hunan_sanzi", "replace", "counter", "N", {"transfer": "own", "wechat": ""}),
    ("hunan_sanzi", "replace", "post", "O", {"transfer": "organization"}),
    ("hunan_sanzi", "replace", "post", "L", {"transfer": BOTH}),
    ("hunan_sanzi", "replace", "post", "N", {"transfer": "own"}),
    *(("hunan_sanzi", "renew", "assistant", kind, {"wechat": "", "alipay": ""}) for kind in "OLN"),
    *(("guangdong_gpcloud", "renew", "assistant", kind, {"alipay": ""}) for kind in "OLN"),
    *(("hunan_sanzi", service, "post", "O", {}) for service in ("unlock", "modify", "revoke")),
    *(
        ("guangdong_gpcloud", service, "counter", kind, {"transfer": payer, "on_the_spot": ""})
        for service in ("issue", "renew", "replace")
        for kind, payer in (("O", "organization"), ("L", "organization"), ("N", "own"))
    ),
    *(
        ("guangdong_gpcloud", service, "post", kind, {"transfer": payer})
        for service in ("issue", "renew", "replace")
        for kind, payer in (("O", "organization"), ("L", "organization"), ("N", "own"))
    ),
    ("guangdong_gpcloud", "additional", "online", "O", {"alipay": "", "transfer": "organization"}),
    *(
        ("hunan_shared", service, way, kind, {"alipay": "", "wechat": ""})
        for service, way in (("issue", "online"), ("replace", "online"), ("renew", "assistant"))
        for kind in "ON"
    ),
    ("shenzhen_ca", "issue", "online", "O", {"alipay": "", "wechat": "", "transfer": "organization"}),
    ("shenzhen_ca", "issue", "online", "N", {"alipay": "", "wechat": "", "transfer": "organization"}),
]


@pytest.mark.parametrize(("key", "service", "way", "subject", "allowed"), ROWS)
def test_who_may_pay_how(key: str, service: str, way: str, subject: str, allowed: dict[str, str]) -> None:
    asked = case(service, subject, way, product=PRODUCTS.get(key, {}).get(subject))
    rules = channel(key)
    assert {row.by.value for row in payments_of(rules, asked)} == set(allowed)
    for by in PaymentWay:
        for payer in (*Payer, None):
            found = refusal(rules, asked, by, payer)
            if by.value not in allowed:
                assert found is PaymentRefusal.WAY_NOT_TAKEN
            elif by is PaymentWay.TRANSFER and (
                payer is None or payer.value not in allowed[by.value].split()
            ):
                assert found is PaymentRefusal.WRONG_PAYER
            else:
                assert found is None  # a QR code is paid by whoever scans it


def test_a_natural_person_alone_pays_shenzhen_from_their_own_account_by_our_setting() -> None:
    rules, asked = channel("shenzhen_ca"), case("issue", "N", product="person")
    assert refusal(rules, asked, PaymentWay.TRANSFER, Payer.OWN) is None
    assert refusal(rules, asked, PaymentWay.TRANSFER, Payer.ORGANIZATION) is PaymentRefusal.WRONG_PAYER
    (row,) = (row for row in payments_of(rules, asked) if row.by == "transfer")
    assert row.ours


@pytest.mark.parametrize(
    ("key", "service", "way"),
    [
        ("hunan_sanzi", "issue", "counter"),
        ("hunan_sanzi", "renew", "post"),
        ("guangdong_gpcloud", "issue", "post"),
    ],
)
def test_a_transfer_is_made_one_working_day_ahead(key: str, service: str, way: str) -> None:
    for kind in "OLN":
        (row,) = (row for row in payments_of(channel(key), case(service, kind, way)) if row.by == "transfer")
        assert row.days_ahead == 1


def test_shenzhen_transfer_uploads_the_voucher() -> None:
    asked = case("issue", "O", product="organization", paid_by="transfer")
    (row,) = (row for row in payments_of(channel("shenzhen_ca"), asked) if row.by == "transfer")
    assert row.voucher
    documents = [one.document.value for one in channel("shenzhen_ca").materials_for(asked)]
    assert "voucher" in documents


ORGANIZATION = Subscriber(kind=KINDS["O"], organization="湘西州示范有限公司")
REPRESENTATIVE = Subscriber(kind=KINDS["L"], organization="湘西州示范有限公司", person="龙小兰")
PERSON = Subscriber(kind=KINDS["N"], person="龙小兰")


@pytest.mark.parametrize(
    ("subscriber", "name", "payer"),
    [
        (ORGANIZATION, "湘西州示范有限公司", Payer.ORGANIZATION),
        (ORGANIZATION, "湘西州示范有限公司（分公司）", None),
        (ORGANIZATION, "龙小兰", None),
        (ORGANIZATION, "", None),
        (REPRESENTATIVE, "湘西州示范有限公司", Payer.ORGANIZATION),
        (REPRESENTATIVE, "龙 小 兰", Payer.OWN),
        (PERSON, "龙小兰", Payer.OWN),
        (PERSON, "湘西州示范有限公司", None),
        (PERSON, "龙大兰", None),
    ],
)
def test_whose_account_it_was(subscriber: Subscriber, name: str, payer: Payer | None) -> None:
    assert payer_of(name, subscriber) is payer


def test_gpcloud_wants_its_remark_exactly() -> None:
    rules, asked = channel("guangdong_gpcloud"), case("issue", "O", "post")
    name = ORGANIZATION.organization
    assert transfer_refusal(rules, asked, ORGANIZATION, name, "办理广东政府采购智慧云CA") is None
    for remark in ("", "CA", "办理广东政府采购智慧云", "办理广东政府采购智慧云CA证书"):
        assert transfer_refusal(rules, asked, ORGANIZATION, name, remark) is PaymentRefusal.WRONG_REMARK
    stranger = transfer_refusal(rules, asked, ORGANIZATION, "龙小兰", "办理广东政府采购智慧云CA")
    assert stranger is PaymentRefusal.WRONG_PAYER


def test_sanzi_takes_any_remark() -> None:
    assert transfer_refusal(channel("hunan_sanzi"), case("issue", "N"), PERSON, "龙小兰", "证书") is None
