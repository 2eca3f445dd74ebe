"""Times, PIN, invoice, delivery, counters of spec/certificates.md, row by row."""

from dataclasses import replace
from datetime import date, datetime, time

import pytest

from certificates.catalogue.model import CountedFrom
from certificates.catalogue.scope import Case, covering
from certificates.catalogue.terms import review_due
from office.working_days import BEIJING, WorkingDays
from tests.channelkit import case, channel

# (channel, service, subject, way, circumstances, least, most, counted from)
REVIEWS = [
    *(("shenzhen_ca", "issue", kind, "online", "", 0, 1, "payment") for kind in "ON"),
    *(("hunan_sanzi", "issue", kind, "online", "", 0, 3, "payment") for kind in "OLN"),
    *(("hunan_shared", service, "O", "online", "", 3, 5, "payment") for service in ("issue", "replace")),
    *(("hunan_shared", service, "N", "online", "", 0, 3, "payment") for service in ("issue", "replace")),
    *(
        ("guangdong_gpcloud", service, "O", "post", "", 0, 3, "receipt")
        for service in ("issue", "renew", "modify")
    ),
    ("guangdong_gpcloud", "additional", "O", "online", "", 0, 3, "payment"),
    *(
        (key, service, kind, "counter", "", 0, 0, "receipt")
        for key in ("hunan_sanzi", "guangdong_gpcloud")
        for service in ("issue", "renew", "unlock", "replace", "revoke")
        for kind in "OLN"
    ),
    *(
        ("hunan_sanzi", service, "O", "post", "", 0, 5, "receipt")
        for service in ("renew", "unlock", "replace", "modify", "revoke")
    ),
    *(("hunan_sanzi", "unlock", kind, "assistant", "", 1, 2, "application") for kind in "OLN"),
]


@pytest.mark.parametrize(("key", "service", "subject", "way", "so", "least", "most", "since"), REVIEWS)
def test_review_time(
    key: str, service: str, subject: str, way: str, so: str, least: int, most: int, since: str
) -> None:
    found = channel(key).review_of(case(service, subject, way, *so.split()))
    assert found is not None
    assert (found.least_days, found.working_days, found.counted_from) == (least, most, CountedFrom(since))
    assert not found.automatic


@pytest.mark.parametrize("key", ["hunan_sanzi", "guangdong_gpcloud"])
@pytest.mark.parametrize("kind", ["O", "L", "N"])
def test_netca_decides_by_itself(key: str, kind: str) -> None:
    unlocked = channel(key).review_of(case("unlock", kind, "assistant", "same_operator"))
    renewed = channel(key).review_of(case("renew", kind, "assistant"))
    assert unlocked is not None
    assert unlocked.automatic
    assert renewed is not None
    assert renewed.automatic


def test_gpcloud_unlocks_for_another_operator_after_a_review_by_our_setting() -> None:
    found = channel("guangdong_gpcloud").review_of(case("unlock", "O", "assistant"))
    assert found is not None
    assert (found.automatic, found.working_days, found.ours) == (False, 3, True)


def test_gpcloud_begins_once_the_money_is_in() -> None:
    found = channel("guangdong_gpcloud").review_of(case("issue", "O", "post"))
    assert found is not None
    assert found.needs_money


@pytest.mark.parametrize(
    ("start", "days", "due", "warned"),
    [
        # five working days over the National Day of 2023: 29 Sept to 6 Oct free, 7 and 8 Oct made up
        ("2023-09-28T10:00", 5, date(2023, 10, 11), date(2023, 10, 10)),
        ("2023-09-28T23:59", 1, date(2023, 10, 7), date(2023, 9, 28)),
        # a plain week
        ("2023-11-06T09:00", 3, date(2023, 11, 9), date(2023, 11, 8)),
        # the same day; on a Saturday the next working one
        ("2023-11-06T16:00", 0, date(2023, 11, 6), date(2023, 11, 6)),
        ("2023-11-04T09:00", 0, date(2023, 11, 6), date(2023, 11, 6)),
        # a make-up Sunday works (23 April 2023, before the Labour Day)
        ("2023-04-21T12:00", 1, date(2023, 4, 23), date(2023, 4, 21)),
        # leap day
        ("2024-02-28T12:00", 1, date(2024, 2, 29), date(2024, 2, 28)),
    ],
)
def test_a_review_is_due_in_working_days(start: str, days: int, due: date, warned: date) -> None:
    review = channel("hunan_shared").reviews[-1]
    found = review_due(
        replace(review, working_days=days),
        datetime.fromisoformat(start).replace(tzinfo=BEIJING),
        WorkingDays(),
    )
    assert (found.due.day, found.warned) == (due, warned)


# (channel, case, way of the PIN, to whom)
PINS = [
    (
        "hunan_shared",
        case("issue", "O", checks=("legal_representative_mobile",)),
        "sms",
        "legal_representative",
    ),
    (
        "hunan_shared",
        case("issue", "O", checks=("legal_representative_card",)),
        "sms",
        "legal_representative",
    ),
    (
        "hunan_shared",
        case("issue", "O", checks=("corporate_account", "operator_mobile")),
        "transfer_remark",
        "organization",
    ),
    ("hunan_shared", case("issue", "N", checks=("applicant_mobile",)), "sms", "applicant"),
    ("hunan_shared", case("replace", "N", checks=("applicant_card",)), "sms", "applicant"),
    ("hunan_shared", case("issue", "N", checks=("applicant_account",)), "transfer_remark", "applicant"),
    (
        "shenzhen_ca",
        case("issue", "O", product="organization", paid_by="wechat"),
        "transfer_remark",
        "organization",
    ),
    (
        "shenzhen_ca",
        case("issue", "N", product="organization_person", paid_by="alipay"),
        "transfer_remark",
        "organization",
    ),
    ("shenzhen_ca", case("issue", "O", product="organization", paid_by="transfer"), "sms", "operator"),
    ("shenzhen_ca", case("issue", "N", product="person", paid_by="transfer"), "sms", "applicant"),
    ("hunan_shared", case("renew", "O", "assistant"), "unchanged", "applicant"),
    ("hunan_shared", case("modify", "N", "assistant"), "unchanged", "applicant"),
    ("hunan_sanzi", case("renew", "O", "assistant"), "unchanged", "applicant"),
    ("hunan_shared", case("unlock", "N", "assistant"), "chosen", "applicant"),
    ("hunan_sanzi", case("issue", "O"), "sms", "operator"),
    ("hunan_sanzi", case("replace", "L", "post"), "sms", "applicant"),
    ("hunan_sanzi", case("unlock", "N", "assistant"), "chosen", "applicant"),
    ("guangdong_gpcloud", case("unlock", "O", "assistant"), "chosen", "applicant"),
    ("guangdong_gpcloud", case("modify", "O", "post"), "unchanged", "applicant"),
    ("guangdong_gpcloud", case("additional", "O"), "sms", "operator"),
    (
        "shenzhen_ca",
        case("issue", "N", product="person", paid_by="wechat"),
        "transfer_remark",
        "applicant",
    ),
    ("xiangxi", case("convert", "L", "assistant"), "unchanged", "applicant"),
    ("guangdong_gpcloud", case("issue", "N", "post"), "sms", "applicant"),
]


@pytest.mark.parametrize(("key", "asked", "by", "to"), PINS)
def test_how_the_pin_comes(key: str, asked: Case, by: str, to: str) -> None:
    found = channel(key).pin_of(asked)
    assert found is not None
    assert (found.by.value, found.to.value) == (by, to)


def test_pins_that_the_sources_leave_open_are_ours() -> None:
    for key in ("hunan_sanzi", "guangdong_gpcloud"):
        for one in channel(key).pins:
            assert one.ours is (one.by == "sms")


def test_a_new_pin_has_6_to_16_characters() -> None:
    length = channel("hunan_shared").pin_length
    assert (length.least, length.most, length.ours) == (6, 16, False)


@pytest.mark.parametrize(
    ("key", "kind", "title", "by", "to", "days"),
    [
        ("hunan_shared", "O", "subscriber", {"email"}, "operator", 0),
        ("hunan_shared", "N", "not_personal", {"email"}, "applicant", 0),
        ("shenzhen_ca", "O", "typed", {"sms", "email"}, "operator", None),
        ("shenzhen_ca", "N", "typed", {"sms", "email"}, "applicant", None),
        ("hunan_sanzi", "O", "typed", {"sms", "public_account"}, "operator", 2),
        ("guangdong_gpcloud", "L", "typed", {"sms"}, "operator", 2),
        ("guangdong_gpcloud", "N", "typed", {"sms"}, "applicant", 2),
        ("hunan_sanzi", "N", "typed", {"sms", "public_account"}, "applicant", 2),
    ],
)
def test_invoice(key: str, kind: str, title: str, by: set[str], to: str, days: int | None) -> None:
    way = "post" if key == "guangdong_gpcloud" else "online"
    found = channel(key).invoice_of(case("issue", kind, way))
    assert found is not None
    assert (found.title.value, {one.value for one in found.by}) == (title, by)
    assert (found.to.value, found.working_days) == (to, days)
    assert found.tax_number_optional is (key == "shenzhen_ca")


@pytest.mark.parametrize(
    ("key", "service", "way", "delivered"),
    [
        ("guangdong_gpcloud", "issue", "post", {("courier", "free")}),
        ("guangdong_gpcloud", "additional", "online", {("courier", "free")}),
        ("guangdong_gpcloud", "renew", "post", {("courier", "subscriber")}),
        ("guangdong_gpcloud", "issue", "counter", {("collection", "none")}),
        ("shenzhen_ca", "issue", "online", {("courier", "collect")}),
        ("hunan_sanzi", "issue", "online", {("courier", "free"), ("collection", "none")}),
        ("hunan_sanzi", "renew", "post", {("courier", "subscriber")}),
        ("hunan_sanzi", "renew", "assistant", {("assistant", "none")}),
        ("hunan_sanzi", "issue", "counter", {("collection", "none")}),
        ("guangdong_gpcloud", "renew", "assistant", {("assistant", "none")}),
        ("hunan_shared", "issue", "online", {("courier", "free")}),
        ("hunan_shared", "modify", "assistant", {("assistant", "none")}),
        ("xiangxi", "convert", "assistant", {("assistant", "none")}),
    ],
)
def test_delivery(key: str, service: str, way: str, delivered: set[tuple[str, str]]) -> None:
    found = channel(key).deliveries_for(case(service, "O", way))
    assert {(one.by.value, one.freight.value) for one in found} == delivered


@pytest.mark.parametrize(
    ("key", "service", "closes"),
    [
        ("hunan_sanzi", "issue", time(17, 30)),
        *(
            ("hunan_sanzi", service, time(17))
            for service in ("renew", "unlock", "replace", "modify", "revoke")
        ),
        *(("guangdong_gpcloud", service, time(17)) for service in ("issue", "renew", "revoke")),
    ],
)
def test_counter_hours(key: str, service: str, closes: time) -> None:
    (counter,) = (one for one in channel(key).counters if "counter" in one.takes)
    found = covering(counter.hours, case(service, "O", "counter"))
    assert [(one.opens, one.closes) for one in found] == [
        (time(8, 30), time(12)),
        (time(14), closes),
    ]


@pytest.mark.parametrize(
    ("key", "service", "subject", "way", "who"),
    [
        ("hunan_sanzi", "issue", "O", "counter", "operator"),
        ("hunan_sanzi", "issue", "L", "online", "operator"),
        ("hunan_sanzi", "renew", "L", "counter", "applicant"),
        ("hunan_sanzi", "issue", "N", "online", "applicant"),
        ("guangdong_gpcloud", "issue", "L", "counter", "operator"),
        ("guangdong_gpcloud", "revoke", "N", "counter", "applicant"),
    ],
)
def test_who_comes(key: str, service: str, subject: str, way: str, who: str) -> None:
    found = channel(key).attendance_of(case(service, subject, way))
    assert found is not None
    assert found.who.value == who


@pytest.mark.parametrize(("subject", "whose"), [("O", "operator"), ("N", "applicant")])
def test_who_consents_on_shared(subject: str, whose: str) -> None:
    for service, way in (("issue", "online"), ("replace", "online"), ("modify", "assistant")):
        found = channel("hunan_shared").consent_of(case(service, subject, way))
        assert found is not None
        assert found.whose.value == whose
    assert channel("hunan_shared").consent_of(case("renew", subject, "assistant")) is None


@pytest.mark.parametrize(("subject", "whose"), [("O", "operator"), ("L", "operator"), ("N", "applicant")])
def test_who_consents_at_sanzi(subject: str, whose: str) -> None:
    found = channel("hunan_sanzi").consent_of(case("issue", subject))
    assert found is not None
    assert found.whose.value == whose


def test_places_and_accounts_are_as_the_sources_have_them() -> None:
    sanzi, cloud = channel("hunan_sanzi"), channel("guangdong_gpcloud")
    assert [one.phone for one in sanzi.counters] == ["18173337830"]
    assert "15号窗口" in sanzi.counters[0].address
    assert "青龙坊38号" in cloud.counters[0].address
    assert "海洲路38号" in cloud.counters[1].address
    for rules in (sanzi, cloud):
        assert rules.beneficiary is not None
        assert rules.beneficiary.number == "7443 9001 8260 0096 874"
    assert cloud.beneficiary is not None
    assert cloud.beneficiary.remark == "办理广东政府采购智慧云CA"
    assert channel("shenzhen_ca").hotlines == ("400-112-3838",)


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("hunan_shared", {"practice_rules", "personal_data", "risk", "privacy"}),
        ("shenzhen_ca", {"service", "sensitive_data", "personal_data", "privacy"}),
    ],
)
def test_agreements_are_accepted_one_by_one(key: str, kinds: set[str]) -> None:
    found = channel(key).agreements_for(case("issue", "O"))
    assert {one.kind.value for one in found} == kinds
    assert all(one.version and one.text for one in found)
