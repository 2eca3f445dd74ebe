"""Whether a certificate can be the one of a service: by state, authority, channel and day. No database."""

from datetime import UTC, datetime, timedelta

import pytest

from certificates.catalogue.model import Service, SubjectKind, Way
from certificates.catalogue.scope import Case
from certificates.issuing.issued import Issued
from certificates.issuing.states import Holding
from certificates.orders.about import Hindrance as H
from certificates.orders.about import may_issue, standing_of
from tests.channelkit import channel

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


def row(days_left: float = 30, **changes: object) -> Issued:
    known: dict[str, object] = {
        "serial": "5a01",
        "fingerprint": "0" * 64,
        "request_id": 1,
        "number": "20260101AAAAAAAA",
        "account_id": 7,
        "state": Holding.WRITTEN,
        "channel": "hunan_shared",
        "authority": "bjca",
        "subject": "organization",
        "product": "unit_12",
        "medium": "M-1",
        "crypto_card": "C-1",
        "follows": "",
        "valid_from": NOW - timedelta(days=300),
        "box": b"",
        "made_at": NOW,
        "valid_until": NOW + timedelta(days=days_left),
        "written_at": NOW,
        "revoked_at": None,
        "reason": "",
    }
    return Issued(**(known | changes))  # type: ignore[arg-type]


def case(service: str, way: str = "assistant", authority: str | None = None) -> Case:
    kind = SubjectKind.ORGANIZATION
    return Case(service=Service(service), subject=kind, way=Way(way), authority=authority)


@pytest.mark.parametrize(
    ("key", "asked", "about", "expected"),
    [
        ("hunan_shared", case("renew", authority="bjca"), row(), None),
        ("hunan_shared", case("renew", authority="sheca"), row(), H.OTHER_AUTHORITY),
        ("hunan_shared", case("renew"), row(authority="netca"), H.OTHER_AUTHORITY),
        ("hunan_shared", case("renew"), row(subject="natural_person"), H.OTHER_SUBJECT),
        ("hunan_shared", case("renew"), row(state=Holding.REVOKED), H.REVOKED),
        ("hunan_shared", case("renew"), row(state=Holding.FOLLOWED), H.FOLLOWED),
        ("hunan_shared", case("renew"), row(state=Holding.MADE), H.NOT_WRITTEN),
        ("hunan_shared", case("renew"), row(days_left=200), H.TOO_EARLY),
        ("hunan_shared", case("renew"), row(days_left=-366), H.TOO_LATE),
        ("hunan_shared", case("unlock"), row(days_left=-5), None),
        ("hunan_shared", case("modify"), row(days_left=-1), H.EXPIRED),
        ("hunan_shared", case("replace", "online"), row(days_left=-1), H.EXPIRED),
        ("hunan_sanzi", case("renew"), row(days_left=-1, authority="netca"), H.TOO_LATE),
        ("hunan_sanzi", case("renew", "counter"), row(days_left=-900, authority="netca"), None),
        ("hunan_sanzi", case("renew", "post"), row(days_left=900, authority="netca"), None),
        ("hunan_sanzi", case("revoke", "counter"), row(days_left=-9, authority="netca"), None),
        ("guangdong_gpcloud", case("additional", "online"), row(days_left=-1, authority="netca"), H.EXPIRED),
        ("guangdong_gpcloud", case("additional", "online"), row(authority="bjca"), H.OTHER_AUTHORITY),
        ("xiangxi", case("convert"), row(authority="gdca"), None),
        ("xiangxi", case("convert"), row(authority="gdca", days_left=-1), H.EXPIRED),
    ],
)
def test_what_a_certificate_can_be_chosen_for(
    key: str, asked: Case, about: Issued, expected: H | None
) -> None:
    assert standing_of(channel(key), asked, about, NOW).hindrance is expected


def test_converting_is_done_by_the_eight_and_by_whoever_issued() -> None:
    rules = channel("xiangxi")
    assert len(rules.authorities) == 8
    assert tuple(may_issue(rules, case("convert"), "gdca")) == (*rules.authorities, "gdca")
    assert tuple(may_issue(rules, case("convert"), "bjca")) == rules.authorities
    shared = channel("hunan_shared")
    assert tuple(may_issue(shared, case("renew"), "netca")) == shared.authorities
