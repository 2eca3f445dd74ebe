"""The table "Prices" of spec/certificates.md, row by row, every year and every part."""

import pytest

from certificates.catalogue.prices import NoPrice, WrongYears, quote
from tests.channelkit import KINDS, case, channel

YEARS = range(1, 6)
# (channel, service, way, subject, product, years, yuan)
ROWS: list[tuple[str, str, str, str, str | None, int | None, int]] = [
    *(("hunan_sanzi", "issue", way, "O", "organization", None, 40) for way in ("online", "counter")),
    *(
        ("hunan_sanzi", "issue", way, kind, KINDS[kind].value, None, 30)
        for way in ("online", "counter")
        for kind in "LN"
    ),
    *(
        ("hunan_sanzi", "renew", way, kind, None, years, (300 if kind == "O" else 200) * years)
        for way in ("assistant", "counter", "post")
        for kind in "OLN"
        for years in YEARS
    ),
    *(
        ("hunan_sanzi", "replace", way, kind, None, None, 100)
        for way in ("counter", "post")
        for kind in "OLN"
    ),
    *(
        ("hunan_sanzi", service, way, kind, None, None, 0)
        for service in ("unlock", "modify", "revoke")
        for way in ("counter", "post")
        for kind in "OLN"
    ),
    *(("hunan_sanzi", "unlock", "assistant", kind, None, None, 0) for kind in "OLN"),
    *(
        ("guangdong_gpcloud", "issue", way, kind, KINDS[kind].value, years, first + later * (years - 1))
        for way in ("counter", "post")
        for kind, first, later in (("O", 600, 400), ("L", 360, 160), ("N", 360, 160))
        for years in YEARS
    ),
    *(
        ("guangdong_gpcloud", "additional", "online", "O", "organization", years, 600 + 400 * (years - 1))
        for years in YEARS
    ),
    *(
        ("guangdong_gpcloud", "renew", way, kind, None, years, (400 if kind == "O" else 160) * years)
        for way in ("assistant", "counter", "post")
        for kind in "OLN"
        for years in YEARS
    ),
    *(
        ("guangdong_gpcloud", "replace", way, kind, None, None, 200)
        for way in ("counter", "post")
        for kind in "OLN"
    ),
    *(
        ("guangdong_gpcloud", "modify", way, kind, None, None, 0)
        for way in ("counter", "post")
        for kind in "OL"
    ),
    *(("guangdong_gpcloud", "revoke", "counter", kind, None, None, 0) for kind in "OLN"),
    *(
        ("guangdong_gpcloud", "unlock", way, kind, None, None, 0)
        for way in ("assistant", "counter", "post")
        for kind in "OLN"
    ),
    ("shenzhen_ca", "issue", "online", "O", "organization", 1, 350),
    ("shenzhen_ca", "issue", "online", "N", "organization_person", None, 600),
    # the handbook of the shared platform hides its sums: ours
    ("hunan_shared", "issue", "online", "O", "unit_12", None, 350),
    ("hunan_shared", "issue", "online", "N", "person_12", None, 250),
    ("hunan_shared", "issue", "online", "N", "person_3", None, 180),
    ("hunan_shared", "renew", "assistant", "O", "unit_12", None, 200),
    ("hunan_shared", "renew", "assistant", "N", "person_12", None, 100),
    ("hunan_shared", "renew", "assistant", "N", "person_3", None, 30),
    *(("hunan_shared", "replace", "online", kind, None, None, 100) for kind in "ON"),
    *(
        ("hunan_shared", service, "assistant", kind, None, None, 0)
        for service in ("unlock", "modify")
        for kind in "ON"
    ),
    ("shenzhen_ca", "issue", "online", "N", "person", None, 600),
    *(("xiangxi", "convert", "assistant", kind, None, None, 0) for kind in "OLN"),
]


@pytest.mark.parametrize(("key", "service", "way", "subject", "product", "years", "yuan"), ROWS)
def test_price(
    key: str, service: str, way: str, subject: str, product: str | None, years: int | None, yuan: int
) -> None:
    assert quote(channel(key), case(service, subject, way, product=product), years).total == 100 * yuan


def test_gpcloud_first_year_has_200_for_the_medium_once() -> None:
    for kind in "OLN":
        asked = case("issue", kind, "post", product=KINDS[kind].value)
        for years in YEARS:
            parts = {
                part.kind.value: part.fen for part in quote(channel("guangdong_gpcloud"), asked, years).parts
            }
            assert parts["medium"] == 20_000


def test_shenzhen_350_is_200_and_100_and_50() -> None:
    found = quote(channel("shenzhen_ca"), case("issue", "O", product="organization"), 1)
    assert [(part.kind.value, part.fen) for part in found.parts] == [
        ("certificate", 20_000),
        ("medium", 10_000),
        ("seal", 5_000),
    ]
    assert not found.ours


@pytest.mark.parametrize(("years", "yuan"), [(2, 550), (3, 750), (4, 950), (5, 1150)])
def test_shenzhen_beyond_one_year_is_ours(years: int, yuan: int) -> None:
    found = quote(channel("shenzhen_ca"), case("issue", "O", product="organization"), years)
    assert found.total == 100 * yuan
    assert found.ours


@pytest.mark.parametrize("years", [None, 0, -1, 6, 100])
def test_one_to_five_years_can_be_chosen(years: int | None) -> None:
    with pytest.raises(WrongYears):
        quote(channel("shenzhen_ca"), case("issue", "O", product="organization"), years)
    with pytest.raises(WrongYears):
        quote(channel("hunan_sanzi"), case("renew", "N", "post"), years)


def test_a_fixed_term_takes_no_years() -> None:
    with pytest.raises(WrongYears):
        quote(channel("hunan_sanzi"), case("issue", "O", product="organization"), 1)


def test_what_is_ours_says_so() -> None:
    assert quote(channel("guangdong_gpcloud"), case("unlock", "O", "counter")).ours
    assert not quote(channel("guangdong_gpcloud"), case("revoke", "O", "counter")).ours
    assert not quote(channel("hunan_sanzi"), case("unlock", "O", "counter")).ours
    assert quote(channel("hunan_shared"), case("issue", "O", product="unit_12")).ours


@pytest.mark.parametrize(
    ("key", "service", "way", "subject"),
    [
        ("hunan_sanzi", "additional", "online", "O"),
        ("guangdong_gpcloud", "additional", "online", "N"),
        ("guangdong_gpcloud", "issue", "online", "O"),
        ("guangdong_gpcloud", "modify", "post", "N"),
        ("guangdong_gpcloud", "revoke", "post", "O"),
        ("shenzhen_ca", "renew", "assistant", "O"),
        ("hunan_shared", "revoke", "online", "O"),
    ],
)
def test_what_is_not_offered_has_no_price(key: str, service: str, way: str, subject: str) -> None:
    with pytest.raises(NoPrice):
        quote(channel(key), case(service, subject, way))
