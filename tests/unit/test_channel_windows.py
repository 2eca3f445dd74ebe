"""Renewal windows and terms to the day, for both families of channel, over leap days and month ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.catalogue.terms import (
    Expired,
    Standing,
    add_months,
    issued_term,
    renewed_term,
    replaced_term,
    term_months,
    window_of,
)
from office.working_days import BEIJING
from tests.channelkit import case, channel

END = datetime(2026, 6, 30, 15, 0, tzinfo=BEIJING)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


# END is 30 June 2026, 15:00. (channel, way, now, how it stands)
WINDOWS = [
    # shared: fewer than 90 days left …
    ("hunan_shared", "assistant", END - timedelta(days=91), "too_early"),
    ("hunan_shared", "assistant", END - timedelta(days=90), "too_early"),
    ("hunan_shared", "assistant", END - timedelta(days=89), "open"),
    ("hunan_shared", "assistant", at("2026-04-01T23:59"), "too_early"),
    ("hunan_shared", "assistant", at("2026-04-02T00:00"), "open"),
    ("hunan_shared", "assistant", END, "open"),
    ("hunan_shared", "assistant", END + timedelta(seconds=1), "open"),
    # … or expired by at most 365 days
    ("hunan_shared", "assistant", END + timedelta(days=365), "open"),
    ("hunan_shared", "assistant", at("2027-06-30T23:59"), "open"),
    ("hunan_shared", "assistant", at("2027-07-01T00:00"), "too_late"),
    ("hunan_shared", "assistant", END + timedelta(days=366), "too_late"),
    # NETCA in the client: while valid, within 90 days before
    *(
        (key, "assistant", now, standing)
        for key in ("hunan_sanzi", "guangdong_gpcloud")
        for now, standing in (
            (END - timedelta(days=91), "too_early"),
            (at("2026-03-31T23:59"), "too_early"),
            (at("2026-04-01T00:00"), "open"),
            (END - timedelta(days=90), "open"),
            (END - timedelta(days=89), "open"),
            (END, "open"),
            (END + timedelta(seconds=1), "too_late"),
            (END + timedelta(days=30), "too_late"),
        )
    ),
    # NETCA at the counter and by post: at any time
    *(
        (key, way, now, "open")
        for key in ("hunan_sanzi", "guangdong_gpcloud")
        for way in ("counter", "post")
        for now in (END - timedelta(days=1000), END - timedelta(days=91), END, END + timedelta(days=3000))
    ),
]


@pytest.mark.parametrize(("key", "way", "now", "standing"), WINDOWS)
@pytest.mark.parametrize("subject", ["O", "N"])
def test_window(key: str, way: str, now: datetime, standing: str, subject: str) -> None:
    window = window_of(channel(key), case("renew", subject, way), END)
    assert window is not None
    assert window.standing(now) is Standing(standing)


def test_365_days_after_an_expiry_before_a_leap_day_end_one_day_earlier_in_the_calendar() -> None:
    window = window_of(channel("hunan_shared"), case("renew", "O", "assistant"), at("2027-06-30T15:00"))
    assert window is not None
    assert window.standing(at("2028-06-29T23:59")) is Standing.OPEN
    assert window.standing(at("2028-06-30T00:00")) is Standing.TOO_LATE


def test_what_a_channel_does_not_renew_has_no_window() -> None:
    assert window_of(channel("shenzhen_ca"), case("renew", "O"), END) is None


@pytest.mark.parametrize(
    ("moment", "months", "end"),
    [
        ("2026-12-08T10:00", 3, "2027-03-08T10:00"),
        ("2026-01-31T10:00", 1, "2026-02-28T10:00"),
        ("2028-01-31T10:00", 1, "2028-02-29T10:00"),
        ("2026-11-30T10:00", 3, "2027-02-28T10:00"),
        ("2028-02-29T10:00", 12, "2029-02-28T10:00"),
        ("2028-02-29T10:00", 48, "2032-02-29T10:00"),
        ("2027-02-28T10:00", 12, "2028-02-28T10:00"),
        ("2026-12-31T23:59", 1, "2027-01-31T23:59"),
        ("2026-06-30T00:00", 60, "2031-06-30T00:00"),
    ],
)
def test_the_term_of_a_first_issue(moment: str, months: int, end: str) -> None:
    assert issued_term(at(moment), months).not_after == at(end)


@pytest.mark.parametrize(
    ("moment", "months", "end"),
    [
        # not expired: from the old expiry, to the last second
        ("2026-04-02T09:00", 12, "2027-06-30T15:00"),
        ("2026-06-30T15:00", 12, "2027-06-30T15:00"),
        ("2026-04-02T09:00", 60, "2031-06-30T15:00"),
        # expired: from the download or the issue
        ("2026-06-30T15:01", 12, "2027-06-30T15:01"),
        ("2027-06-30T09:00", 12, "2028-06-30T09:00"),
        ("2028-02-29T09:00", 12, "2029-02-28T09:00"),
    ],
)
def test_the_term_of_a_renewal(moment: str, months: int, end: str) -> None:
    term = renewed_term(END, at(moment), months)
    assert term.not_after == at(end)
    assert term.valid_from == at(moment)


def test_days_are_beijings_even_when_moments_are_in_utc() -> None:
    end = at("2026-02-28T07:00").astimezone(UTC)  # 27 February in UTC
    assert issued_term(end, 12).not_after == at("2027-02-28T07:00")
    window = window_of(
        channel("hunan_shared"), case("renew", "O", "assistant"), at("2026-06-30T06:00").astimezone(UTC)
    )
    assert window is not None
    assert window.standing(at("2026-04-02T00:30").astimezone(UTC)) is Standing.OPEN


def test_a_replaced_certificate_ends_when_the_lost_one_would_have() -> None:
    term = replaced_term(END, END - timedelta(days=10))
    assert term.not_after == END
    assert replaced_term(END, END).not_after == END
    with pytest.raises(Expired):
        replaced_term(END, END + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("key", "service", "subject", "product", "years", "months"),
    [
        ("hunan_sanzi", "issue", "O", "organization", None, 1),
        ("hunan_sanzi", "issue", "L", "legal_representative", None, 3),
        ("hunan_sanzi", "issue", "N", "natural_person", None, 3),
        ("hunan_sanzi", "renew", "O", "organization", 5, 60),
        ("guangdong_gpcloud", "issue", "O", "organization", 3, 36),
        ("shenzhen_ca", "issue", "N", "organization_person", None, 12),
        ("hunan_shared", "renew", "N", "person_3", None, 3),
        ("hunan_sanzi", "replace", "O", "organization", None, None),
        ("xiangxi", "convert", "O", None, None, None),
    ],
)
def test_months_of_a_term(
    key: str, service: str, subject: str, product: str | None, years: int | None, months: int | None
) -> None:
    assert term_months(channel(key), case(service, subject, product=product), years) == months


def test_netca_counts_from_the_issue_after_the_expiry_by_our_setting() -> None:
    for key in ("hunan_sanzi", "guangdong_gpcloud"):
        (rule,) = channel(key).renewed_terms
        assert rule.expired_from == "issue"
        assert rule.ours
    (rule,) = channel("hunan_shared").renewed_terms
    assert rule.expired_from == "download"
    assert not rule.ours


MOMENTS = st.datetimes(at("2020-01-01").replace(tzinfo=None), at("2040-01-01").replace(tzinfo=None)).map(
    lambda one: one.replace(tzinfo=BEIJING)
)


@given(MOMENTS, MOMENTS, st.integers(1, 60))
def test_nobody_loses_a_day_by_renewing_early(end: datetime, now: datetime, months: int) -> None:
    term = renewed_term(end, now, months)
    assert (
        term.not_after >= add_months(end, months) if now <= end else term.not_after == add_months(now, months)
    )
    assert term.valid_from == now <= term.not_after


@given(MOMENTS, st.integers(0, 120))
def test_months_keep_the_day_or_end_the_month(moment: datetime, months: int) -> None:
    later = add_months(moment, months)
    assert (later.year * 12 + later.month) - (moment.year * 12 + moment.month) == months
    assert later.time() == moment.time()
    assert later.day == moment.day or (later.day < moment.day and (later + timedelta(days=1)).day == 1)
