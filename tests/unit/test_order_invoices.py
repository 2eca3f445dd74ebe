"""What stands on an order's invoice, by the rules of each channel (spec, "PIN, invoice, delivery")."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pypdfium2
import pytest

from certificates.catalogue.model import Invoice, InvoiceTitle, Payer
from certificates.catalogue.paying import payer_of
from certificates.orders.fields import FieldKind, Section, counted, detail_fields
from certificates.orders.invoice_title import fault_of
from certificates.orders.reading import Fault, FieldFaults, read
from certificates.payments.invoices import OrderInvoice, render, titled
from certificates.payments.settling import subscriber_of
from tests.channelkit import case, channel

UNIT, CODE, OTHER = "测试有限公司", "91110000600037341L", "91350100M000100Y43"
BODY = "测试县人民政府"
DETAILS = {"organization_name": UNIT, "credit_code": CODE, "applicant_name": "赵申请"}
CASES = {
    # channel, subject, typed title, typed tax number -> title, tax number on the invoice
    "shared, an organization's is fixed to it": ("hunan_shared", "O", "别的公司", OTHER, UNIT, CODE),
    "shared, a person names who gets it": ("hunan_shared", "N", "别的公司", OTHER, "别的公司", OTHER),
    "sanzi, its own name has its credit code": ("hunan_sanzi", "O", UNIT, "", UNIT, CODE),
    "sanzi, another spelling is its own name": (
        "hunan_sanzi",
        "O",
        "测试 有限公司",
        "",
        "测试 有限公司",
        CODE,
    ),
    "sanzi, another's has what was typed": ("hunan_sanzi", "O", "别的公司", OTHER, "别的公司", OTHER),
    "sanzi, nothing typed is the subscriber": ("hunan_sanzi", "O", "", "", UNIT, CODE),
    "shenzhen leaves the number open to government": ("shenzhen_ca", "O", BODY, "", BODY, ""),
    "shenzhen, an enterprise's own name has its credit code": ("shenzhen_ca", "O", UNIT, "", UNIT, CODE),
    "shenzhen, a person without a number": ("shenzhen_ca", "N", "赵申请", "", "赵申请", ""),
}


def rule_of(name: str, kind: str) -> Invoice:
    rule = channel(name).invoice_of(case("issue", kind))
    assert rule is not None, name
    return rule


@pytest.mark.parametrize("row", CASES.values(), ids=CASES)
def test_title_and_tax_number_follow_the_channel(row: tuple[str, ...]) -> None:
    name, kind, title, tax, expected_title, expected_tax = row
    details = DETAILS if kind == "O" else {"applicant_name": "赵申请"}
    if title == BODY:
        details = {**DETAILS, "organization_name": BODY, "credit_code": f"11{CODE[2:]}"}
    typed: Mapping[str, str] = {**details, "invoice_title": title, "tax_number": tax}
    assert titled(rule_of(name, kind), typed) == (expected_title, expected_tax)


@pytest.mark.parametrize(
    ("name", "product", "names"),
    [
        ("hunan_shared", "person_12", False),
        ("shenzhen_ca", "person", False),
        ("shenzhen_ca", "organization_person", True),
    ],
)
def test_a_person_names_an_organization_only_where_the_product_does(
    name: str, product: str, names: bool
) -> None:
    """A field left over from another product is nobody's: no payer, no subscriber of the invoice."""
    rules, about = channel(name), case("issue", "N", product=product)
    asked = {one.name: one.required for one in detail_fields(rules, about, frozenset())}
    assert asked.get("organization_name", False) is names
    assert asked.get("credit_code", False) is names, "the check of its account is asked for the code, too"
    known = counted(rules, "natural_person", product, DETAILS)
    subscriber = subscriber_of(about, known)
    assert subscriber.organization == (UNIT if names else "")
    assert payer_of(UNIT, subscriber) is (Payer.ORGANIZATION if names else None)
    fixed = replace(rule_of("hunan_shared", "O"), title=InvoiceTitle.SUBSCRIBER)
    assert titled(fixed, known)[0] == (UNIT if names else "赵申请")


@pytest.mark.parametrize("title", ["个人", "个 人", " 个人 "])
def test_a_title_that_is_no_name_is_refused_where_the_channel_says_so(title: str) -> None:
    fields = detail_fields(channel("hunan_shared"), case("issue", "N"), frozenset())
    wanted = [one for one in fields if one.section is Section.INVOICE and one.kind is FieldKind.TITLE]
    assert len(wanted) == 1
    with pytest.raises(FieldFaults):
        read(wanted, {"invoice_title": title}, {})


@pytest.mark.parametrize("number", ["91110000600037341X", "123", "9111000060003734", "ABC", "１２３"])
def test_a_tax_number_has_its_check_digit(number: str) -> None:
    fields = detail_fields(channel("hunan_sanzi"), case("issue", "O"), frozenset())
    wanted = [one for one in fields if one.name == "tax_number"]
    assert len(wanted) == 1
    with pytest.raises(FieldFaults):
        read(wanted, {"tax_number": number}, {})
    assert read(wanted, {"tax_number": f" {CODE.lower()} "}, {}) == {"tax_number": CODE}


TITLES = {
    # title, tax number typed -> what is wrong
    "another company without a number": ("别的有限公司", "", Fault.TAX_NUMBER_NEEDED),
    "with its number": ("别的有限公司", OTHER, None),
    "with a person's number": ("别的有限公司", "110101199003070003", Fault.TAX_NUMBER),
    "a partnership": ("湘西某某律师事务所（普通合伙）", "", Fault.TAX_NUMBER_NEEDED),
    "a branch": ("别的有限公司长沙分公司", "", Fault.TAX_NUMBER_NEEDED),
    "a shop": ("吉首市好又来小吃店", "", Fault.TAX_NUMBER_NEEDED),
    "a foreign company": ("Example Trading Co., Ltd.", "", Fault.TAX_NUMBER_NEEDED),
    "a bank's branch": ("示例银行股份有限公司湘西分行", "", Fault.TAX_NUMBER_NEEDED),
    "its own name": (UNIT, "", None),
    "its own name in another spelling": ("测试 有限公司", "", None),
    "a person": ("赵申请", "", None),
    "another person": ("钱公", "", None),
    "a government body": ("湘西州人民政府办公室", "", None),
    "a court": ("吉首市人民法院", "", None),
    "a hospital": ("湘西州人民医院", "", None),
    "a bureau for companies": ("吉首市企业服务局", "", None),
    "nothing typed": ("", "", None),
}


@pytest.mark.parametrize("row", TITLES.values(), ids=TITLES)
def test_an_enterprises_title_needs_its_tax_number_and_nobody_elses_does(
    row: tuple[str, str, Fault | None],
) -> None:
    title, number, wrong = row
    assert fault_of({**DETAILS, "invoice_title": title, "tax_number": number}) is wrong


def test_the_pdf_says_whose_it_is_what_for_and_that_it_is_void_when_the_money_went_back() -> None:
    made = OrderInvoice(
        number="FP202603040000000001",
        order_number="20260304ABCDEFG1",
        fen=35_000,
        state="made",
        due_on=None,
        made_at=datetime(2026, 3, 4, 4, 0, tzinfo=UTC),
        title=UNIT,
        tax_number=CODE,
        address="",
        bank="",
        what="数字证书服务 20260304ABCDEFG1",
    )
    said = read_pdf(render(made, seller="平台", notice="演示"))
    for word in (
        made.number,
        made.order_number,
        UNIT,
        CODE,
        "350.00",
        "叁佰伍拾元整",
        "2026年03月04日",
        "演示",
    ):
        assert word in said, said
    assert "作废" not in said
    void = read_pdf(render(replace(made, state="void"), seller="平台"))
    assert "此发票已作废，款项已退回" in void
    assert UNIT not in repr(made)
    assert CODE not in repr(made)


def read_pdf(content: bytes) -> str:
    """All its text, without line ends."""
    document = pypdfium2.PdfDocument(content)
    return "".join("".join(page.get_textpage().get_text_bounded().split()) for page in document)
