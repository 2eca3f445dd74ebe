"""What the pages of market subjects ask for, and how they call it."""

from collections.abc import Mapping
from typing import Final

from certificates.catalogue.model import IdDocument
from certificates.orders.fields import PROVINCES, Field, FieldKind, Section
from office.subjects import MarketSubjectKind
from web.languages import N_

_K, _S = FieldKind, Section
ORGANIZATION_KINDS: Final[Mapping[str, str]] = {
    "company": N_("企业"),
    "sole_trader": N_("个体工商户"),
    "public_institution": N_("事业单位"),
    "government": N_("机关"),
    "association": N_("社会组织"),
    "other_organization": N_("其他组织"),
}
WORDS: Final[Mapping[str, str]] = {"organization_kind": N_("单位类型"), **ORGANIZATION_KINDS}
KINDS: Final[Mapping[str, str]] = {
    MarketSubjectKind.ORGANIZATION: N_("单位"),
    MarketSubjectKind.NATURAL_PERSON: N_("个人"),
}


def _field(name: str, kind: FieldKind, section: Section, *, required: bool = True) -> Field:
    return Field(name=name, kind=kind, section=section, required=required)


def _choice(name: str, section: Section, options: tuple[str, ...]) -> Field:
    return Field(name=name, kind=_K.CHOICE, section=section, options=options)


def _place(section: Section) -> tuple[Field, ...]:
    return (
        _choice("province", section, PROVINCES),
        _field("city", _K.LINE, section),
        _field("address", _K.ADDRESS, section),
    )


_DOCUMENTS: Final = tuple(str(one) for one in IdDocument)
FIELDS: Final[Mapping[MarketSubjectKind, tuple[Field, ...]]] = {
    MarketSubjectKind.ORGANIZATION: (
        _field("organization_name", _K.LINE, _S.ORGANIZATION),
        _field("credit_code", _K.CREDIT_CODE, _S.ORGANIZATION),
        _choice("organization_kind", _S.ORGANIZATION, tuple(ORGANIZATION_KINDS)),
        _field("organization_phone", _K.PHONE, _S.ORGANIZATION),
        *_place(_S.ORGANIZATION),
        _field("representative_name", _K.LINE, _S.REPRESENTATIVE),
        _choice("representative_document", _S.REPRESENTATIVE, _DOCUMENTS),
        _field("representative_number", _K.DOCUMENT, _S.REPRESENTATIVE),
        _field("representative_phone", _K.MOBILE, _S.REPRESENTATIVE),
        _field("account_bank", _K.LINE, _S.ACCOUNT),
        _field("account_number", _K.ACCOUNT, _S.ACCOUNT),
    ),
    MarketSubjectKind.NATURAL_PERSON: (
        _field("applicant_name", _K.LINE, _S.APPLICANT),
        _choice("applicant_document", _S.APPLICANT, _DOCUMENTS),
        _field("applicant_number", _K.DOCUMENT, _S.APPLICANT),
        _field("applicant_phone", _K.MOBILE, _S.APPLICANT),
        _field("applicant_email", _K.EMAIL, _S.APPLICANT, required=False),
        *_place(_S.APPLICANT),
        _field("account_bank", _K.LINE, _S.ACCOUNT, required=False),
        _field("account_number", _K.ACCOUNT, _S.ACCOUNT, required=False),
    ),
}
OPERATOR_FIELDS: Final = (
    _field("operator_name", _K.LINE, _S.OPERATOR),
    _choice("operator_document", _S.OPERATOR, _DOCUMENTS),
    _field("operator_number", _K.DOCUMENT, _S.OPERATOR),
    _field("operator_phone", _K.MOBILE, _S.OPERATOR),
    _field("operator_email", _K.EMAIL, _S.OPERATOR),
    Field(name="statement", kind=_K.ADDRESS, section=_S.OPERATOR, required=False),
)
OPERATOR_WORDS: Final[Mapping[str, str]] = {"statement": N_("授权说明")}
ACTS: Final[Mapping[str, str]] = {
    "register": N_("注册"),
    "change": N_("修改资料"),
    "verify": N_("名称核验通过"),
    "displace": N_("别人用银行账户核验了同一个号码，核验失效，订单和证书归对方"),
    "take_over": N_("别的账号登记过同一个号码，它的订单和证书转到本账号"),
    "operator_offer": N_("添加经办人"),
    "operator_take": N_("经办人接受委托"),
    "operator_end": N_("结束委托"),
}
REASONS: Final[Mapping[str, str]] = {
    "not_organization": N_("只有单位可以添加经办人。"),
    "not_verified": N_("请先核验单位的名称，再添加经办人。"),
    "login": N_("账号由 2 到 40 个小写字母、数字、点、横线组成。"),
    "self": N_("这是您自己的账号，不用添加。"),
    "twice": N_("这个账号已经在名单里。要改授权，请先结束原来的。"),
    "too_many": N_("经办人太多，请先结束不再需要的。"),
    "day": N_("请选今天以后、三年以内的一天。"),
    "paper": N_("请填写授权说明，或者上传授权委托书。"),
}
