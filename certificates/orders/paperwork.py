"""The forms of an order as PDF, to print, sign and stamp by hand: the application form, the seal sample form.

An electronic seal on them, or a scan printed after stamping, is not valid: the forms say so.
Source: spec/certificates.md, "Material".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from certificates.catalogue.model import Document, Mark, SubjectKind
from certificates.orders import fields, masking
from certificates.orders.fields import Section
from certificates.orders.mine import Mine
from signing.typesetting import compiler_of

TEMPLATES: Final = Path(str(files("certificates.orders"))) / "templates"


class Form(StrEnum):
    APPLICATION = "application"
    SAMPLE = "sample"


DOCUMENTS: Final[Mapping[Form, Document]] = {
    Form.APPLICATION: Document.CERTIFICATE_FORM,
    Form.SAMPLE: Document.SEAL_SAMPLE_FORM,
}
SERVICES: Final[Mapping[str, str]] = {
    "issue": "新办",
    "additional": "增加证书",
    "renew": "续期",
    "unlock": "解锁",
    "replace": "补办",
    "modify": "变更",
    "revoke": "注销",
    "convert": "印章替换",
}
SUBJECTS: Final[Mapping[str, str]] = {
    SubjectKind.ORGANIZATION: "机构证书",
    SubjectKind.LEGAL_REPRESENTATIVE: "法人代表证书",
    SubjectKind.NATURAL_PERSON: "自然人证书",
}
SEALS: Final[Mapping[str, str]] = {"official": "单位公章", "name_chop": "个人名章", "signature": "手写签名"}
ID_DOCUMENTS: Final[Mapping[str, str]] = {
    "id_card": "居民身份证",
    "passport": "护照",
    "hong_kong_macao_permit": "港澳居民来往内地通行证",
    "taiwan_permit": "台湾居民来往大陆通行证",
    "foreigner_permit": "外国人永久居留身份证",
}
SECTIONS: Final[Mapping[Section, str]] = {
    Section.ORGANIZATION: "单位信息",
    Section.REPRESENTATIVE: "法定代表人信息",
    Section.APPLICANT: "申请人信息",
    Section.OPERATOR: "经办人信息",
    Section.DELIVERY: "邮寄信息",
}
LABELS: Final[Mapping[str, str]] = {
    "organization_name": "单位名称",
    "credit_code": "统一社会信用代码",
    "department": "部门",
    "organization_phone": "单位电话",
    "name": "姓名",
    "document": "证件类型",
    "number": "证件号码",
    "phone": "手机号",
    "email": "电子邮箱",
    "province": "省份",
    "city": "城市",
    "address": "详细地址",
}
_DECLARED: Final = (
    "本表所填内容和提交的资料真实、准确、完整；如有虚假，由申请人承担一切后果。",
    "已阅读并同意证书机构的电子认证业务规则和各项协议；一张证书只对应一枚电子印章。",
    "妥善保管证书介质和密码；遗失或者泄露时立即通知证书机构。",
    "本表打印后手写签名、填写日期；需要盖章的加盖实体公章。电子印章，或者盖章后扫描再打印的，无效。",
)
_SAMPLED: Final = (
    "在下面四个框内各盖（签）一次，不压框线，四周留白，印迹清楚、端正。",
    "请用实体印章或者手写；电子印章，或者盖章后扫描再打印的，无效。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The platform's name, and what stands above everything of a demonstration."""

    name: str
    notice: str = ""


def forms_of(mine: Mine) -> tuple[Form, ...]:
    """The forms that the order's material asks for."""
    asked = {material.document for material in mine.rules.materials_for(mine.case)}
    return tuple(form for form, document in DOCUMENTS.items() if document in asked)


def render(form: Form, mine: Mine, house: House, *, as_of: datetime) -> bytes:
    """The PDF. Blocking; the same data and time give the same bytes."""
    order, material = mine.order, _material(form, mine)
    organization = order.subject != SubjectKind.NATURAL_PERSON
    data: dict[str, Any] = {
        "number": order.number,
        "author": house.name,
        "head": mine.rules.name,
        "notice": house.notice,
        "signer": "经办人" if organization else "申请人",
        "stamp": Mark.STAMP in material,
    }
    if form is Form.APPLICATION:
        data |= {"title": "数字证书及电子印章申请表", "parts": _parts(mine), "clauses": _DECLARED}
    else:
        title = "单位签章采样表" if order.subject == SubjectKind.ORGANIZATION else "个人签章采样表"
        rows = [row for row in _holder(mine) if row[1]]
        data |= {"title": title, "rows": rows, "clauses": _SAMPLED}
        data["what"] = f"{SEALS.get(mine.details.get('seal_kind', ''), '印章')}采样"
    return compiler_of(TEMPLATES / f"{form}.typ").pdf(data, as_of=as_of).pdf


_RECEIVED: Final = (
    "已核对领取人的身份证件原件，领取人和订单要求的人一致。",
    "收到上列数字证书介质（UKey）一个，外观完好；证书名称、有效期和申请的一致。",
    "证书密码另行告知；收到后请先修改密码，介质和密码分开保管。",
)
_COMES: Final[Mapping[str, str]] = {
    "operator": "经办人",
    "applicant": "申请人",
    "legal_representative": "法定代表人",
    "organization": "单位",
}


def handover_sheet(mine: Mine, house: House, *, clerk: str, who: str, as_of: datetime) -> bytes:
    """The sheet that is signed when a UKey is handed over at the counter. Blocking.

    `who`: the person who has to come (catalogue.scope.Person)."""
    order, details = mine.order, mine.details
    person = "operator" if who == "operator" else "applicant"
    data: dict[str, Any] = {
        "number": order.number,
        "author": house.name,
        "head": mine.rules.name,
        "notice": house.notice,
        "title": "数字证书领取签收单",
        "signer": _COMES.get(who, "领取人"),
        "stamp": False,
        "clerk": clerk,
        "clauses": _RECEIVED,
        "rows": [
            ["业务类型", SERVICES[order.service]],
            ["证书类型", SUBJECTS[order.subject]],
            ["证书名称", details.get("organization_name") or details.get("applicant_name", "")],
            ["介质号", order.medium or "—"],
            ["领取人", details.get(f"{person}_name", "")],
            ["证件号码", masking.masked(f"{person}_number", details.get(f"{person}_number", ""))],
        ],
    }
    return compiler_of(TEMPLATES / "handover.typ").pdf(data, as_of=as_of).pdf


def _material(form: Form, mine: Mine) -> frozenset[Mark]:
    found = [one for one in mine.rules.materials_for(mine.case) if one.document is DOCUMENTS[form]]
    return frozenset(mark for one in found for mark in one.marks)


def _holder(mine: Mine) -> list[list[str]]:
    details = mine.details
    person = mine.order.subject != SubjectKind.ORGANIZATION
    return [
        ["单位名称", details.get("organization_name", "")],
        ["统一社会信用代码", details.get("credit_code", "")],
        *([["申请人", details.get("applicant_name", "")]] if person else []),
        *([["证件号码", details.get("applicant_number", "")]] if person else []),
        ["印章类型", SEALS.get(details.get("seal_kind", ""), "")],
    ]


def _parts(mine: Mine) -> list[dict[str, Any]]:
    order = mine.order
    product = mine.rules.product(order.product)
    head = [
        ["业务类型", SERVICES[order.service]],
        ["证书类型", product.name if product is not None else SUBJECTS[order.subject]],
        *([["证书年限", f"{order.years} 年"]] if order.years else []),
        ["费用", f"{order.price_fen / 100:.2f} 元"],
        ["印章类型", SEALS.get(mine.details.get("seal_kind", ""), "—")],
    ]
    return [{"title": "证书信息", "rows": head}, *_sections(mine)]


def _sections(mine: Mine) -> Sequence[dict[str, Any]]:
    asked = {one.name: one for one in (*fields.request_fields(mine.rules, mine.case), *mine.fields)}
    found = []
    for section, title in SECTIONS.items():
        rows = [
            [_label(name), ID_DOCUMENTS.get(value, value.removeprefix("+86"))]
            for name, one in asked.items()
            if one.section is section and (value := mine.details.get(name, "")) and not name.endswith("_card")
        ]
        if rows:
            found.append({"title": title, "rows": rows})
    return found


def _label(name: str) -> str:
    return LABELS.get(name) or LABELS.get(name.rpartition("_")[2], name)
