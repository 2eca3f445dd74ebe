"""The table "Channels, services, ways" of spec/certificates.md, cell by cell, the dashes too."""

import pytest

from certificates.catalogue.model import Step
from certificates.catalogue.scope import Service, Way
from tests.channelkit import CHANNELS, KINDS, case, channel, shipped_channels

SERVICES = ("issue", "additional", "renew", "unlock", "replace", "modify", "revoke", "convert")
THREE = "assistant counter post"
TABLE = {
    # issue, additional, renew, unlock, replace, modify, revoke, convert
    ("hunan_sanzi", "O"): ("online counter", "", THREE, THREE, *("counter post",) * 3, ""),
    ("hunan_sanzi", "L"): ("online counter", "", THREE, THREE, *("counter post",) * 3, ""),
    ("hunan_sanzi", "N"): ("online counter", "", THREE, THREE, *("counter post",) * 3, ""),
    ("guangdong_gpcloud", "O"): (
        *("counter post", "online", THREE, THREE, "counter post", "counter post", "counter", ""),
    ),
    ("guangdong_gpcloud", "L"): (
        *("counter post", "", THREE, THREE, "counter post", "counter post", "counter", ""),
    ),
    ("guangdong_gpcloud", "N"): ("counter post", "", THREE, THREE, "counter post", "", "counter", ""),
    ("hunan_shared", "O"): ("online", "", "assistant", "assistant", "online", "assistant", "", ""),
    ("hunan_shared", "L"): ("",) * 8,
    ("hunan_shared", "N"): ("online", "", "assistant", "assistant", "online", "assistant", "", ""),
    ("shenzhen_ca", "O"): ("online", *("",) * 7),
    ("shenzhen_ca", "L"): ("",) * 8,
    ("shenzhen_ca", "N"): ("online", *("",) * 7),
    ("xiangxi", "O"): (*("",) * 7, "assistant"),
    ("xiangxi", "L"): (*("",) * 7, "assistant"),
    ("xiangxi", "N"): (*("",) * 7, "assistant"),
}
CELLS = [
    (key, subject, service, ways)
    for (key, subject), row in TABLE.items()
    for service, ways in zip(SERVICES, row, strict=True)
]


def test_the_table_has_every_channel_and_every_cell() -> None:
    assert set(shipped_channels()) == set(CHANNELS) == {key for key, _ in TABLE}
    assert len(CELLS) == len(CHANNELS) * len(KINDS) * len(Service)


@pytest.mark.parametrize(("key", "subject", "service", "ways"), CELLS)
def test_cell(key: str, subject: str, service: str, ways: str) -> None:
    found = channel(key).ways(Service(service), KINDS[subject])
    assert set(found) == {Way(way) for way in ways.split()}


@pytest.mark.parametrize(("key", "subject", "service", "ways"), CELLS)
def test_a_way_without_an_entry_is_no_offer(key: str, subject: str, service: str, ways: str) -> None:
    for way in Way:
        offer = channel(key).offer(case(service, subject, way))
        assert (offer is not None) == (way in ways.split())


@pytest.mark.parametrize(("key", "subject", "service"), [cell[:3] for cell in CELLS if not cell[3]])
def test_a_dash_says_where_to_go(key: str, subject: str, service: str) -> None:
    rules = channel(key)
    if KINDS[subject] not in rules.subjects:
        return
    told = rules.instead(case(service, subject))
    assert told is not None
    assert told.note
    assert told.channel in ("", *CHANNELS)
    if told.channel:
        assert channel(told.channel).ways(Service(service), KINDS[subject])


def test_gpcloud_issue_begins_online_then_paper() -> None:
    for way in ("counter", "post"):
        offer = channel("guangdong_gpcloud").offer(case("issue", "N", way))
        assert offer is not None
        assert offer.begins_online
        route = channel("guangdong_gpcloud").route(case("issue", "N", way))
        assert route is not None
        order = [route.steps.index(step) for step in (Step.DETAILS, Step.UPLOADS, Step.PAYMENT, Step.PAPER)]
        assert order == sorted(order)


def test_gpcloud_additional_is_signed_with_the_certificate_held() -> None:
    offer = channel("guangdong_gpcloud").offer(case("additional", "O"))
    assert offer is not None
    assert offer.signed_with_held


def test_the_shared_progress_bar() -> None:
    route = channel("hunan_shared").route(case("issue", "O"))
    assert route is not None
    assert [stage.name for stage in route.stages] == [
        "信息录入",
        "上传资料",
        "支付订单",
        "申请完成",
        "下载证书",
    ]
    order = (Step.REQUEST, Step.AUTHORITY, Step.DETAILS, Step.CONFIRM, Step.UPLOADS, Step.CONSENT)
    after = (Step.PAYMENT, Step.REVIEW, Step.ISSUE, Step.PIN, Step.COURIER)
    assert [step for step in route.steps if step in order + after] == [*order, *after]


def test_shenzhen_has_no_consent_code_and_the_identity_by_photo() -> None:
    rules = channel("shenzhen_ca")
    route = rules.route(case("issue", "O"))
    assert route is not None
    assert Step.CONSENT not in route.steps
    order = (Step.AGREEMENTS, Step.DETAILS, Step.PRINT_FORM, Step.UPLOADS, Step.IDENTITY, Step.PAYMENT)
    assert [step for step in route.steps if step in (*order, Step.REVIEW, Step.COURIER)] == [
        *order,
        Step.REVIEW,
        Step.COURIER,
    ]


def test_sanzi_online_steps() -> None:
    route = channel("hunan_sanzi").route(case("issue", "O"))
    assert route is not None
    order = (Step.DETAILS, Step.UPLOADS, Step.CONSENT, Step.DELIVERY, Step.PAYMENT, Step.REVIEW, Step.INVOICE)
    assert [step for step in route.steps if step in order] == list(order)


def test_shared_renewal_is_paid_and_then_downloaded_without_a_person() -> None:
    for subject in "ON":
        asked = case("renew", subject, "assistant")
        review = channel("hunan_shared").review_of(asked)
        route = channel("hunan_shared").route(asked)
        assert review is not None
        assert review.automatic
        assert route is not None
        assert route.steps.index(Step.PAYMENT) < route.steps.index(Step.INSTALL)


@pytest.mark.parametrize(
    ("subject", "whose", "checks"),
    [
        (
            "O",
            "organization",
            {"legal_representative_mobile", "corporate_account", "legal_representative_card"},
        ),
        ("O", "operator", {"operator_mobile", "operator_card"}),
        ("N", "applicant", {"applicant_mobile", "applicant_card", "applicant_account"}),
    ],
)
def test_identity_checks_on_shared(subject: str, whose: str, checks: set[str]) -> None:
    found = channel("hunan_shared").identities_for(case("issue", subject))
    assert {check.value for row in found if row.whose == whose for check in row.checks} == checks


@pytest.mark.parametrize(
    ("paid_by", "checks"),
    [("wechat", {"operator_photo", "corporate_account"}), ("transfer", {"operator_photo"})],
)
def test_shenzhen_qr_payment_also_checks_the_corporate_account(paid_by: str, checks: set[str]) -> None:
    asked = case("issue", "O", product="organization", paid_by=paid_by)
    found = channel("shenzhen_ca").identities_for(asked)
    assert {check.value for row in found for check in row.checks} == checks


def test_shared_has_eleven_authorities_and_shenzhen_issues_on_its_own_channel() -> None:
    rules = channel("hunan_shared")
    assert len(rules.authorities) == 11
    told = rules.instead(case("issue", "O", authority="szca"))
    assert told is not None
    assert told.channel == "shenzhen_ca"
    assert rules.instead(case("issue", "O", authority="bjca")) is None


def test_conversion_is_at_the_issuer_or_any_of_the_eight() -> None:
    rules = channel("xiangxi")
    assert len(rules.authorities) == 8
    (rule,) = rules.conversions
    assert rule.issuer_too
    assert rule.cut_off is not None
    assert (rule.cut_off.month, rule.cut_off.day) == (7, 31)


@pytest.mark.parametrize(
    ("kind", "changes", "needed"), [("O", {"name", "address", "seal"}, {"name"}), ("N", {"name"}, {"name"})]
)
def test_on_shared_only_a_change_of_the_name_needs_a_modification(
    kind: str, changes: set[str], needed: set[str]
) -> None:
    rule = channel("hunan_shared").modification_of(case("modify", kind, "assistant"))
    assert rule is not None
    assert set(rule.changes) == changes
    assert set(rule.needed_for) == needed


@pytest.mark.parametrize(
    ("key", "kind", "changes"),
    [
        ("hunan_sanzi", "O", {"name", "address", "seal"}),
        ("hunan_sanzi", "L", {"name"}),
        ("hunan_sanzi", "N", {"name"}),
        ("guangdong_gpcloud", "O", {"name", "address", "seal"}),
        ("guangdong_gpcloud", "L", {"name", "address", "seal"}),
    ],
)
def test_what_netca_changes(key: str, kind: str, changes: set[str]) -> None:
    rule = channel(key).modification_of(case("modify", kind, "post"))
    assert rule is not None
    assert set(rule.changes) == changes


@pytest.mark.parametrize(
    ("kind", "found_by"), [("O", {"operator", "legal_representative"}), ("N", {"applicant"})]
)
def test_who_finds_the_lost_certificates_order_on_shared(kind: str, found_by: set[str]) -> None:
    rule = channel("hunan_shared").replacement_of(case("replace", kind))
    assert rule is not None
    assert {one.value for one in rule.found_by} == found_by


@pytest.mark.parametrize(
    ("product", "paid_by", "checks"),
    [
        ("organization_person", "alipay", {"applicant_photo", "corporate_account"}),
        ("person", "alipay", {"applicant_photo", "applicant_account"}),
        ("person", "transfer", {"applicant_photo"}),
    ],
)
def test_identity_of_persons_at_shenzhen(product: str, paid_by: str, checks: set[str]) -> None:
    found = channel("shenzhen_ca").identities_for(case("issue", "N", product=product, paid_by=paid_by))
    assert {check.value for row in found for check in row.checks} == checks


@pytest.mark.parametrize("key", ["hunan_sanzi", "guangdong_gpcloud"])
@pytest.mark.parametrize("kind", ["O", "L", "N"])
def test_the_last_orders_operator_unlocks_without_uploads(key: str, kind: str) -> None:
    same = channel(key).route(case("unlock", kind, "assistant", "same_operator"))
    other = channel(key).route(case("unlock", kind, "assistant"))
    assert same is not None
    assert other is not None
    assert Step.UPLOADS not in same.steps
    assert Step.UPLOADS in other.steps
    assert Step.AUTHORIZATION_CODE in same.steps


@pytest.mark.parametrize(
    ("key", "service", "way"),
    [
        ("hunan_sanzi", "issue", "post"),
        ("hunan_sanzi", "replace", "online"),
        ("guangdong_gpcloud", "issue", "online"),
        ("guangdong_gpcloud", "additional", "counter"),
        ("guangdong_gpcloud", "revoke", "post"),
        ("guangdong_gpcloud", "modify", "online"),
        ("xiangxi", "convert", "online"),
    ],
)
def test_a_way_that_does_not_exist_says_which_one_does(key: str, service: str, way: str) -> None:
    told = channel(key).instead(case(service, "O", way))
    assert told is not None
    assert told.note


def test_encryption_is_said_to_be_out_of_scope() -> None:
    for key in ("hunan_sanzi", "guangdong_gpcloud", "hunan_shared", "shenzhen_ca"):
        assert any("加密证书" in one.note and one.ours for one in channel(key).remarks)


def test_one_certificate_carries_one_seal_is_said() -> None:
    for key in ("hunan_sanzi", "guangdong_gpcloud", "hunan_shared", "shenzhen_ca"):
        assert any("一枚电子印章" in one.note and not one.ours for one in channel(key).remarks)


def test_a_replacement_revokes_the_lost_certificate_by_our_setting() -> None:
    for key in ("hunan_sanzi", "guangdong_gpcloud", "hunan_shared"):
        for rule in channel(key).replacements:
            assert rule.revokes_lost
            assert rule.ours
