"""The table "Material" of spec/certificates.md, row by row, with its circumstances."""

import pytest

from certificates.catalogue.model import Document, Mark, Material
from tests.channelkit import case, channel


def asked(key: str, service: str, subject: str, way: str, *so: str, **more: str) -> dict[str, Material]:
    found = channel(key).materials_for(case(service, subject, way, *so, **more))
    named = {one.document.value: one for one in found}
    assert len(named) == len(found), "nothing is asked for twice"
    return named


FORM, LICENCE, OPERATOR, APPLICANT = "certificate_form", "licence", "operator_id", "applicant_id"
O_COPIES, LN_COPIES = f"{FORM} {LICENCE} {OPERATOR}", f"{FORM} {APPLICANT}"
GP_L = f"{O_COPIES} {APPLICANT}"
# (channel, service, subject, way, circumstances, documents)
ROWS: list[tuple[str, str, str, str, str, str]] = [
    # sanzi issue online: the signed form
    *(("hunan_sanzi", "issue", kind, "online", "", FORM) for kind in "OLN"),
    # sanzi counter: the voucher unless paid there
    ("hunan_sanzi", "issue", "O", "counter", "", f"{O_COPIES} voucher"),
    ("hunan_sanzi", "issue", "O", "counter", "paid_there", O_COPIES),
    ("hunan_sanzi", "issue", "O", "counter", "prepaid", f"{O_COPIES} voucher"),
    *(("hunan_sanzi", "issue", kind, "counter", "", f"{LN_COPIES} voucher") for kind in "LN"),
    *(("hunan_sanzi", "issue", kind, "counter", "paid_there", LN_COPIES) for kind in "LN"),
    # sanzi, other services: the same copies; voucher for renew and replace; the UKey except for replace
    *(
        ("hunan_sanzi", service, kind, way, "", f"{copies} {more}")
        for kind, copies in (("O", O_COPIES), ("L", LN_COPIES), ("N", LN_COPIES))
        for way in ("counter", "post")
        for service, more in (
            ("renew", "voucher ukey"),
            ("replace", "voucher"),
            ("modify", "ukey change_notice" if kind == "O" else "ukey household_register"),
            ("revoke", "ukey"),
            ("unlock", "ukey"),
        )
    ),
    ("hunan_sanzi", "renew", "O", "counter", "paid_there", f"{O_COPIES} ukey"),
    *(
        ("hunan_sanzi", "revoke", "O", way, "dissolved", f"{FORM} {OPERATOR} dissolution_notice ukey")
        for way in ("counter", "post")
    ),
    # sanzi in the client
    *(("hunan_sanzi", "renew", kind, "assistant", "", "") for kind in "OLN"),
    *(("hunan_sanzi", "unlock", kind, "assistant", "same_operator", "") for kind in "OLN"),
    ("hunan_sanzi", "unlock", "O", "assistant", "", O_COPIES),
    *(("hunan_sanzi", "unlock", kind, "assistant", "", LN_COPIES) for kind in "LN"),
    # gpcloud issue
    *(("guangdong_gpcloud", "issue", "O", way, "", f"{O_COPIES} voucher") for way in ("counter", "post")),
    *(("guangdong_gpcloud", "issue", "L", way, "", f"{GP_L} voucher") for way in ("counter", "post")),
    *(("guangdong_gpcloud", "issue", "N", way, "", f"{LN_COPIES} voucher") for way in ("counter", "post")),
    ("guangdong_gpcloud", "issue", "O", "counter", "paid_there", O_COPIES),
    # gpcloud, others
    *(
        ("guangdong_gpcloud", "renew", kind, way, "", f"{copies} voucher ukey")
        for kind, copies in (("O", O_COPIES), ("L", GP_L), ("N", LN_COPIES))
        for way in ("counter", "post")
    ),
    *(
        ("guangdong_gpcloud", "replace", kind, "post", "", f"{copies} voucher")
        for kind, copies in (("O", O_COPIES), ("L", GP_L), ("N", LN_COPIES))
    ),
    *(
        ("guangdong_gpcloud", "replace", kind, "counter", "", copies)
        for kind, copies in (("O", O_COPIES), ("L", GP_L), ("N", LN_COPIES))
    ),
    *(
        ("guangdong_gpcloud", "modify", kind, way, "", f"{copies} change_notice ukey")
        for kind, copies in (("O", O_COPIES), ("L", GP_L))
        for way in ("counter", "post")
    ),
    *(
        ("guangdong_gpcloud", "unlock", kind, way, "", f"{copies} ukey")
        for kind, copies in (("O", O_COPIES), ("L", GP_L), ("N", LN_COPIES))
        for way in ("counter", "post")
    ),
    *(
        ("guangdong_gpcloud", "revoke", kind, "counter", "", f"{copies} ukey")
        for kind, copies in (("O", O_COPIES), ("L", GP_L), ("N", LN_COPIES))
    ),
    (
        "guangdong_gpcloud",
        "revoke",
        "O",
        "counter",
        "dissolved",
        f"{FORM} {OPERATOR} dissolution_notice ukey",
    ),
    ("guangdong_gpcloud", "additional", "O", "online", "", O_COPIES),
    ("guangdong_gpcloud", "unlock", "O", "assistant", "", O_COPIES),
    ("guangdong_gpcloud", "unlock", "L", "assistant", "", GP_L),
    ("guangdong_gpcloud", "unlock", "N", "assistant", "", LN_COPIES),
    *(("guangdong_gpcloud", "renew", kind, "assistant", "", "") for kind in "OLN"),
    *(("guangdong_gpcloud", "unlock", kind, "assistant", "same_operator", "") for kind in "OLN"),
    # shared
    *(
        ("hunan_shared", service, "O", "online", "", f"{LICENCE} {OPERATOR} seal_sample_form")
        for service in ("issue", "replace")
    ),
    *(
        ("hunan_shared", service, "N", "online", "", f"{APPLICANT} seal_sample_form")
        for service in ("issue", "replace")
    ),
    *(
        ("hunan_shared", service, kind, "assistant", "", "")
        for service in ("renew", "unlock", "modify")
        for kind in "ON"
    ),
    # shenzhen
    ("shenzhen_ca", "issue", "O", "online", "", f"{FORM} {LICENCE} seal_sample_form"),
    ("shenzhen_ca", "issue", "N", "online", "", f"{FORM} seal_sample_form"),
    *(("xiangxi", "convert", kind, "assistant", "", "") for kind in "OLN"),
]


@pytest.mark.parametrize(("key", "service", "subject", "way", "so", "documents"), ROWS)
def test_material(key: str, service: str, subject: str, way: str, so: str, documents: str) -> None:
    assert set(asked(key, service, subject, way, *so.split())) == set(documents.split())


@pytest.mark.parametrize(
    ("key", "services"),
    [
        ("hunan_sanzi", ("issue", "renew", "replace")),
        ("guangdong_gpcloud", ("renew", "replace", "unlock")),
    ],
)
def test_the_licence_original_is_waived_only_when_prepaid(key: str, services: tuple[str, ...]) -> None:
    for service in services:
        assert asked(key, service, "O", "counter")[LICENCE].original
        assert not asked(key, service, "O", "counter", "prepaid")[LICENCE].original


@pytest.mark.parametrize(
    ("key", "services"),
    [("guangdong_gpcloud", ("issue", "modify", "revoke")), ("hunan_sanzi", ("modify", "revoke"))],
)
def test_elsewhere_the_licence_original_is_always_brought(key: str, services: tuple[str, ...]) -> None:
    for service in services:
        assert asked(key, service, "O", "counter", "prepaid")[LICENCE].original


def test_originals_are_checked_at_counters_only() -> None:
    for key in ("hunan_sanzi", "guangdong_gpcloud"):
        for kind, document in (("O", OPERATOR), ("N", APPLICANT)):
            assert asked(key, "issue", kind, "counter")[document].original
            assert not asked(key, "renew", kind, "post")[document].original


@pytest.mark.parametrize(
    ("key", "service", "subject", "way", "copies"),
    [
        ("hunan_sanzi", "issue", "O", "online", 1),
        ("hunan_sanzi", "issue", "O", "counter", 1),
        *(
            ("hunan_sanzi", service, "O", "post", 2)
            for service in ("renew", "unlock", "replace", "modify", "revoke")
        ),
        *(
            ("hunan_sanzi", service, "N", "counter", 2)
            for service in ("renew", "unlock", "replace", "modify", "revoke")
        ),
        ("guangdong_gpcloud", "issue", "O", "post", 2),
        ("guangdong_gpcloud", "issue", "N", "post", 2),
        ("guangdong_gpcloud", "additional", "O", "online", 1),
        ("guangdong_gpcloud", "renew", "L", "post", 2),
    ],
)
def test_copies_of_the_form(key: str, service: str, subject: str, way: str, copies: int) -> None:
    assert asked(key, service, subject, way)[FORM].copies == copies


def test_the_organizations_form_is_stamped_by_hand() -> None:
    for key, way in (("hunan_sanzi", "online"), ("hunan_sanzi", "counter"), ("guangdong_gpcloud", "post")):
        form = asked(key, "issue", "O", way)[FORM]
        assert Mark.STAMP in form.marks
        assert "无效" in form.note  # an electronic seal, or a scan printed after stamping


def test_shared_seal_sample_forms() -> None:
    organization = asked("hunan_shared", "issue", "O", "online")["seal_sample_form"]
    person = asked("hunan_shared", "issue", "N", "online")["seal_sample_form"]
    assert "单位签章采样表" in organization.note
    assert "个人签章采样表" in person.note
    assert set(person.marks) == {Mark.APPLICANT_SEAL_OR_SIGNATURE, Mark.STAMP}


def test_ids_are_uploaded_with_both_sides_on_shared() -> None:
    assert asked("hunan_shared", "issue", "O", "online")[OPERATOR].both_sides
    assert asked("hunan_shared", "replace", "N", "online")[APPLICANT].both_sides


def test_shenzhen_stamps_everything_of_organizations_and_nothing_of_persons() -> None:
    for kind, stamped in (("O", True), ("N", False)):
        for one in asked("shenzhen_ca", "issue", kind, "online").values():
            assert (Mark.STAMP in one.marks) is stamped


def test_gpcloud_lists_for_persons_are_ours_beyond_the_issue() -> None:
    assert not asked("guangdong_gpcloud", "issue", "N", "post")[FORM].ours
    for service in ("renew", "replace", "unlock"):
        assert asked("guangdong_gpcloud", service, "N", "post")[FORM].ours


def test_uploads_on_shared() -> None:
    bounds = channel("hunan_shared").uploads
    assert set(bounds.images) == {"gif", "jpg", "jpeg", "png"}
    assert bounds.most_bytes == 1.5 * 1024 * 1024
    assert not bounds.ours


def test_a_ukey_is_brought_for_everything_but_issue_and_replace() -> None:
    for key in ("hunan_sanzi", "guangdong_gpcloud"):
        for service in ("renew", "unlock", "modify", "revoke"):
            assert Document.UKEY.value in asked(key, service, "O", "counter")
        for service in ("issue", "replace"):
            assert Document.UKEY.value not in asked(key, service, "O", "counter")
