"""What the pages of orders say: states, steps, fields, faults."""

from collections.abc import Mapping
from typing import Final

from certificates.catalogue.model import (
    Document,
    IdDocument,
    IdentityCheck,
    PartKind,
    PaymentWay,
    Person,
    PinWay,
    Service,
    SubjectKind,
    Way,
)
from certificates.orders.fields import STANDING, FieldKind, OrganizationState, SealKind, Section
from certificates.orders.reading import Fault
from certificates.orders.states import OrderAct, OrderState
from certificates.orders.steps import Step
from certificates.orders.table import Need
from certificates.orders.uploads import Remark, UploadWrong
from office.identity import IdentityFault
from web.languages import N_

STATES: Final[Mapping[str, str]] = {
    OrderState.FILLING: N_("填写中"),
    OrderState.AWAITING_MATERIAL: N_("待上传资料"),
    OrderState.AWAITING_CONSENT: N_("待确认意愿"),
    OrderState.AWAITING_IDENTITY: N_("待核验身份"),
    OrderState.AWAITING_PAYMENT: N_("待支付"),
    OrderState.AWAITING_PAPER: N_("待收到纸质资料"),
    OrderState.IN_REVIEW: N_("待审核"),
    OrderState.SECOND_REVIEW: N_("待复核"),
    OrderState.RETURNED: N_("已驳回，待修改"),
    OrderState.APPROVED: N_("审核通过，待制证"),
    OrderState.ISSUING: N_("制证中"),
    OrderState.AWAITING_COLLECTION: N_("待领取"),
    OrderState.AWAITING_DELIVERY: N_("未发货"),
    OrderState.SHIPPED: N_("已发货"),
    OrderState.DONE: N_("业务完成"),
    OrderState.CANCELLED: N_("已取消"),
    OrderState.REJECTED: N_("不予办理"),
    OrderState.EXPIRED: N_("已失效"),
}
STATES_OF: Final[Mapping[tuple[str, str], str]] = {
    (Service.UNLOCK, OrderState.APPROVED): N_("审核通过，待解锁"),
    (Service.UNLOCK, OrderState.ISSUING): N_("解锁中"),
    (Service.REVOKE, OrderState.APPROVED): N_("审核通过，待注销"),
    (Service.REVOKE, OrderState.ISSUING): N_("注销中"),
}
"""Where no certificate is made, those states have other names."""


def state_of(service: str, state: str) -> str:
    return STATES_OF.get((service, state), STATES[state])


NEXT: Final[Mapping[str, str]] = {
    OrderState.FILLING: N_("继续填写"),
    OrderState.AWAITING_MATERIAL: N_("去上传资料"),
    OrderState.AWAITING_CONSENT: N_("去确认意愿"),
    OrderState.AWAITING_IDENTITY: N_("去核验身份"),
    OrderState.AWAITING_PAYMENT: N_("去支付"),
    OrderState.RETURNED: N_("查看原因，修改"),
}
WHAT_NEXT: Final[Mapping[str, str]] = {
    OrderState.FILLING: N_("还没有填完。填过的都已保存，可以接着填。"),
    OrderState.AWAITING_MATERIAL: N_("请按要求上传资料。"),
    OrderState.AWAITING_CONSENT: N_("请用短信验证码确认这份申请是您的真实意愿。"),
    OrderState.AWAITING_IDENTITY: N_("请完成身份核验。"),
    OrderState.AWAITING_PAYMENT: N_("请支付费用。"),
    OrderState.AWAITING_PAPER: N_("请把纸质资料送到或者寄到办理点。收到以后开始审核。"),
    OrderState.IN_REVIEW: N_("资料已提交，正在等待审核。审核结果用短信告诉您。"),
    OrderState.SECOND_REVIEW: N_("初审已通过，正在等待复核。"),
    OrderState.RETURNED: N_("请按驳回的原因修改，然后重新提交。"),
    OrderState.APPROVED: N_("审核已通过，接下来制作证书。"),
    OrderState.ISSUING: N_("正在制作证书。"),
    OrderState.AWAITING_COLLECTION: N_("证书已做好，请带身份证原件到窗口领取。"),
    OrderState.AWAITING_DELIVERY: N_("证书已做好，等待寄出。"),
    OrderState.SHIPPED: N_("证书已寄出，请注意查收。"),
    OrderState.DONE: N_("业务已办完。"),
    OrderState.CANCELLED: N_("这个订单已取消。需要时可以重新申请。"),
    OrderState.REJECTED: N_("这个申请不予办理，原因见下。"),
    OrderState.EXPIRED: N_("这个订单长时间没有继续，已失效。需要时可以重新申请。"),
}
UNTIL: Final = N_("请在 %(day)s 以前用自己电脑上的 UKey 助手办完；逾期订单失效，已付的费用退回。")
"""Approved, and done at home."""
BADGES: Final[Mapping[str, str]] = {
    OrderState.DONE: "good",
    OrderState.RETURNED: "warning",
    OrderState.REJECTED: "ended",
    OrderState.CANCELLED: "ended",
    OrderState.EXPIRED: "ended",
    OrderState.IN_REVIEW: "waiting",
    OrderState.SECOND_REVIEW: "waiting",
    OrderState.APPROVED: "waiting",
    OrderState.ISSUING: "waiting",
}
STEPS: Final[Mapping[str, str]] = {
    Step.REQUEST: N_("办理申请"),
    Step.AUTHORITY: N_("选择证书机构"),
    Step.AGREEMENTS: N_("阅读并同意协议"),
    Step.HELD_UKEY: N_("选择要办理的证书"),
    Step.CHOOSE_ORDER: N_("选择要办理的证书"),
    Step.SEAL_CHECK: N_("检查印章"),
    Step.DETAILS: N_("填写信息"),
    Step.CONFIRM: N_("核对信息"),
}
ACTS: Final[Mapping[str, str]] = {
    OrderAct.BEGIN: N_("开始申请"),
    OrderAct.SAVE: N_("保存了一步"),
    OrderAct.CONFIRM: N_("确认填写的内容"),
    OrderAct.CHANGE: N_("返回修改"),
    OrderAct.FINISH_MATERIAL: N_("提交资料"),
    OrderAct.CONSENT: N_("确认意愿"),
    OrderAct.IDENTIFY: N_("通过身份核验"),
    OrderAct.PAID: N_("收到费用"),
    OrderAct.RECEIVE_PAPER: N_("收到纸质资料"),
    OrderAct.TAKE: N_("开始审核"),
    OrderAct.PUT_BACK: N_("放回待审核"),
    OrderAct.APPROVE: N_("审核通过"),
    OrderAct.RETURN: N_("驳回"),
    OrderAct.RESUBMIT: N_("重新提交"),
    OrderAct.REJECT: N_("不予办理"),
    OrderAct.REVERSE: N_("撤回审核"),
    OrderAct.REVERSE_PAYMENT: N_("撤回收款"),
    OrderAct.REVERSE_REJECTION: N_("撤回不予办理"),
    OrderAct.REVERSE_HAND_OVER: N_("撤回交付"),
    OrderAct.BEGIN_ISSUE: N_("开始制证"),
    OrderAct.FAIL_ISSUE: N_("制证中断"),
    OrderAct.ISSUED: N_("制证完成"),
    OrderAct.REISSUE: N_("重新制证"),
    OrderAct.SHIP: N_("寄出"),
    OrderAct.HAND_OVER: N_("领取"),
    OrderAct.RECEIVE: N_("签收"),
    OrderAct.CANCEL: N_("取消订单"),
    OrderAct.EXPIRE: N_("订单失效"),
}
HIDDEN_ACTS: Final = frozenset({OrderAct.SAVE, OrderAct.TAKE, OrderAct.PUT_BACK})
"""Not shown to the applicant."""
SERVICES: Final[Mapping[str, str]] = {
    Service.ISSUE: N_("新办"),
    Service.ADDITIONAL: N_("增加证书"),
    Service.RENEW: N_("续期"),
    Service.UNLOCK: N_("解锁"),
    Service.REPLACE: N_("补办"),
    Service.MODIFY: N_("变更"),
    Service.REVOKE: N_("注销"),
    Service.CONVERT: N_("印章替换"),
}
SUBJECTS: Final[Mapping[str, str]] = {
    SubjectKind.ORGANIZATION: N_("单位证书"),
    SubjectKind.LEGAL_REPRESENTATIVE: N_("法人代表证书"),
    SubjectKind.NATURAL_PERSON: N_("个人证书"),
}
WAYS: Final[Mapping[str, str]] = {
    Way.ONLINE: N_("网上办理"),
    Way.COUNTER: N_("现场办理"),
    Way.POST: N_("邮寄办理"),
    Way.ASSISTANT: N_("证书助手办理"),
}
SECTIONS: Final[Mapping[str, str]] = {
    Section.PRODUCT: N_("证书"),
    Section.CHECKS: N_("认证方式"),
    Section.ORGANIZATION: N_("单位信息"),
    Section.REPRESENTATIVE: N_("法定代表人信息"),
    Section.APPLICANT: N_("申请人信息"),
    Section.OPERATOR: N_("经办人信息"),
    Section.ACCOUNT: N_("银行账户"),
    Section.DELIVERY: N_("邮寄地址"),
    Section.INVOICE: N_("发票"),
}
LABELS: Final[Mapping[str, str]] = {
    STANDING: N_("单位现在的情况"),
    "seal_kind": N_("印章类型"),
    "organization_name": N_("单位名称"),
    "credit_code": N_("统一社会信用代码"),
    "department": N_("部门"),
    "organization_phone": N_("单位电话"),
    "representative_name": N_("法定代表人姓名"),
    "representative_document": N_("法定代表人证件类型"),
    "representative_number": N_("法定代表人证件号码"),
    "representative_phone": N_("法定代表人手机号"),
    "representative_card": N_("法定代表人银行卡号"),
    "applicant_name": N_("申请人姓名"),
    "applicant_document": N_("申请人证件类型"),
    "applicant_number": N_("申请人证件号码"),
    "applicant_phone": N_("申请人手机号"),
    "applicant_email": N_("申请人电子邮箱"),
    "applicant_card": N_("申请人银行卡号"),
    "operator_name": N_("经办人姓名"),
    "operator_document": N_("经办人证件类型"),
    "operator_number": N_("经办人证件号码"),
    "operator_phone": N_("经办人手机号"),
    "operator_email": N_("经办人电子邮箱"),
    "operator_card": N_("经办人银行卡号"),
    "account_bank": N_("开户银行"),
    "account_number": N_("银行账号"),
    "province": N_("省份"),
    "city": N_("城市"),
    "address": N_("详细地址"),
    "invoice_title": N_("发票抬头"),
    "tax_number": N_("纳税人识别号"),
    "invoice_address": N_("发票上的地址和电话"),
    "invoice_bank": N_("发票上的开户行和账号"),
}
HINTS: Final[Mapping[str, str]] = {
    "credit_code": N_("18 位，营业执照上有。"),
    "representative_number": N_("身份证 18 位，最后一位可能是字母 X。"),
    "applicant_number": N_("身份证 18 位，最后一位可能是字母 X。"),
    "operator_number": N_("身份证 18 位，最后一位可能是字母 X。"),
    "operator_phone": N_("验证码和审核结果发到这个手机。"),
    "applicant_phone": N_("验证码和审核结果发到这个手机。"),
    "operator_email": N_("电子发票和审核结果发到这个邮箱。"),
    "applicant_email": N_("电子发票和审核结果发到这个邮箱。"),
    "address": N_("能收到快递的地址，写到门牌号。"),
    FieldKind.TITLE: N_("不要填“个人”。"),
    "tax_number": N_("抬头是别的企业的必须填，18 位；本单位的、个人和没有税号的机关可以不填。"),
    "account_bank": N_("写到支行，例如：示例银行吉首支行。"),
}
CHOICES: Final[Mapping[str, str]] = {
    SealKind.OFFICIAL: N_("单位公章"),
    SealKind.NAME_CHOP: N_("个人名章"),
    SealKind.SIGNATURE: N_("手写签名"),
    OrganizationState.EXISTS: N_("仍在经营"),
    OrganizationState.DISSOLVED: N_("已经注销"),
    IdDocument.ID_CARD: N_("居民身份证"),
    IdDocument.PASSPORT: N_("护照"),
    IdDocument.HONG_KONG_MACAO_PERMIT: N_("港澳居民来往内地通行证"),
    IdDocument.TAIWAN_PERMIT: N_("台湾居民来往大陆通行证"),
    IdDocument.FOREIGNER_PERMIT: N_("外国人永久居留身份证"),
}
FAULTS: Final[Mapping[str, str]] = {
    Fault.EMPTY: N_("请填写。"),
    Fault.NO_PHOTO: N_("请拍一张照片，或者选择照片。"),
    Fault.TOO_LONG: N_("太长了，请写短一些。"),
    Fault.UNSEEN: N_("有看不见的字符，请重新输入。"),
    Fault.NOT_A_CHOICE: N_("请选择一项。"),
    Fault.ID_LENGTH: N_("身份证号码是 18 位，请核对。"),
    Fault.ID_CHECK: N_("身份证号码不对，请核对每一位。"),
    Fault.DOCUMENT: N_("证件号码由 5 到 20 位字母和数字组成，请核对。"),
    Fault.CREDIT_LENGTH: N_("统一社会信用代码是 18 位，请核对。"),
    Fault.CREDIT_CHECK: N_("统一社会信用代码不对，请核对每一位。"),
    Fault.MOBILE: N_("请填写能收短信的手机号。"),
    Fault.PHONE: N_("电话号码不对，固定电话请带区号。"),
    Fault.EMAIL: N_("邮箱的写法不对，例如 name@example.cn。"),
    Fault.ACCOUNT: N_("银行账号由 8 到 32 位数字组成，请核对。"),
    Fault.CARD: N_("银行卡号不对，请核对每一位。"),
    Fault.TAX_NUMBER: N_("纳税人识别号不对，请逐位核对。企业是 18 位；个人和没有税号的机关可以不填。"),
    Fault.TAX_NUMBER_NEEDED: N_("抬头是企业的，要填写它的 18 位纳税人识别号（统一社会信用代码）。"),
    Fault.PERSONAL_TITLE: N_("发票抬头不能是“个人”，请填写姓名或者单位名称。"),
    Fault.AGREE: N_("请先阅读，同意后勾选。"),
    Fault.NOTHING_TO_CHOOSE: N_("请选择一项。"),
    Fault.NOT_CHANGED: N_("名称和证书上的一样，没有变化：只有名称变了才要办变更，其他信息变了不用换证书。"),
    Fault.REGISTER_FIRST: N_("新的名称还没有核实。请先在“我的注册资料”里变更名称、通过核实，再来办理。"),
    Fault.ACCOUNT_FIRST: N_(
        "新的名称要先用对公账户核验：请到“我的注册资料”，用对公账户再核验一次，再来办理。"
    ),
    Fault.OTHER_REPRESENTATIVE: N_(
        "法定代表人或者他的手机号，和办这张证书时登记的不一样。已经变更的，请选对公账户认证。"
    ),
    Fault.CHALLENGE: N_("没有答对，请回答新的问题。"),
}
CHECKS: Final[Mapping[str, str]] = {
    IdentityCheck.LEGAL_REPRESENTATIVE_MOBILE: N_("法定代表人手机实名认证"),
    IdentityCheck.LEGAL_REPRESENTATIVE_CARD: N_("法定代表人银行卡认证"),
    IdentityCheck.CORPORATE_ACCOUNT: N_("企业对公账户认证（打款 0.01 元）"),
    IdentityCheck.OPERATOR_MOBILE: N_("经办人手机实名认证"),
    IdentityCheck.OPERATOR_CARD: N_("经办人银行卡认证"),
    IdentityCheck.OPERATOR_PHOTO: N_("经办人拍摄身份证"),
    IdentityCheck.APPLICANT_MOBILE: N_("申请人手机实名认证"),
    IdentityCheck.APPLICANT_CARD: N_("申请人银行卡认证"),
    IdentityCheck.APPLICANT_ACCOUNT: N_("申请人银行账户认证（打款 0.01 元）"),
    IdentityCheck.APPLICANT_PHOTO: N_("申请人拍摄身份证"),
}
PERSONS: Final[Mapping[str, str]] = {
    Person.OPERATOR: N_("经办人"),
    Person.APPLICANT: N_("申请人"),
    Person.LEGAL_REPRESENTATIVE: N_("法定代表人"),
    Person.ORGANIZATION: N_("单位"),
}
IDENTITY_FAULTS: Final[Mapping[str, str]] = {
    IdentityFault.MISMATCH: N_(
        "没有通过：姓名、证件号码和手机号（银行卡）对不上，或者和单位的登记信息不符。请核对，或者换一种方式。"
    ),
    IdentityFault.NOT_REGISTERED: N_("没有通过：这个手机号没有实名登记。请先到运营商办理，或者换一种方式。"),
    IdentityFault.ACCOUNT_REFUSED: N_("打款没有成功：户名、账号或者开户行不对。请核对后重新打款。"),
    IdentityFault.UNREADABLE: N_("照片看不清证件上的字，请在光线好的地方重新拍。"),
    IdentityFault.WRONG_REMARK: N_("附言不对，请核对这笔 0.01 元收款的附言。"),
    IdentityFault.TOO_MANY: N_("附言已经不能再试，请重新打款，或者换一种方式。"),
}
DOCUMENTS: Final[Mapping[str, str]] = {
    Document.CERTIFICATE_FORM: N_("数字证书及电子印章申请表"),
    Document.LICENCE: N_("营业执照副本"),
    Document.OPERATOR_ID: N_("经办人身份证件"),
    Document.APPLICANT_ID: N_("申请人身份证件"),
    Document.SEAL_SAMPLE_FORM: N_("签章采样表"),
    Document.VOUCHER: N_("汇款凭证"),
    Document.CHANGE_NOTICE: N_("变更通知书"),
    Document.HOUSEHOLD_REGISTER: N_("户口簿（有曾用名和现用名的那一页）"),
    Document.DISSOLUTION_NOTICE: N_("注销通知书"),
    Document.UKEY: N_("UKey"),
}
SIDES: Final[Mapping[str, str]] = {"front": N_("头像面"), "back": N_("国徽面")}
REMARKS: Final[Mapping[str, str]] = {
    Remark.COARSE: N_("图片比较小，字可能看不清。"),
    Remark.DARK: N_("图片太暗。"),
    Remark.BRIGHT: N_("图片太亮。"),
    Remark.FAINT: N_("字迹太淡。"),
    Remark.BLURRED: N_("图片有些模糊。"),
    Remark.STRAIGHTENED: N_("图片拍歪了，已自动扶正。"),
}
UPLOAD_WRONGS: Final[Mapping[str, str]] = {
    UploadWrong.EMPTY: N_("请选择文件。"),
    UploadWrong.TOO_LARGE: N_("文件太大，最多 %(megabytes)s MB。请把照片调小一些再上传。"),
    UploadWrong.NOT_THIS_FORM: N_("只能上传 %(forms)s；这个文件的内容不是。"),
    UploadWrong.DAMAGED: N_("文件打不开，可能已损坏。请重新拍照或扫描。"),
    UploadWrong.TOO_MANY_PIXELS: N_("图片太大，最多 %(most)s 万像素。请调小一些再上传。"),
    UploadWrong.TOO_SMALL: N_("图片太小，每边至少 %(pixels)s 像素。"),
    UploadWrong.BLANK: N_("图片是空白的，请重新拍照或扫描。"),
    UploadWrong.LOCKED: N_("文件有密码，请去掉密码再上传。"),
    UploadWrong.ACTIVE: N_("文件里有程序或者附件，不能上传。请打印后扫描。"),
    UploadWrong.TOO_MANY_PAGES: N_("文件最多 %(most)s 页。"),
}
PARTS: Final[Mapping[str, str]] = {
    PartKind.CERTIFICATE: N_("证书"),
    PartKind.MEDIUM: N_("介质（UKey）"),
    PartKind.SEAL: N_("电子印章"),
    PartKind.REPLACEMENT: N_("补办"),
}
PAYMENTS: Final[Mapping[str, str]] = {
    PaymentWay.ALIPAY: N_("支付宝扫码"),
    PaymentWay.WECHAT: N_("微信扫码"),
    PaymentWay.TRANSFER: N_("银行转账"),
    PaymentWay.ON_THE_SPOT: N_("现场支付"),
}
PINS: Final[Mapping[str, str]] = {
    PinWay.SMS: N_("短信发到%(person)s手机"),
    PinWay.TRANSFER_REMARK: N_("在收款账户 0.01 元的附言里"),
    PinWay.UNCHANGED: N_("密码不变"),
    PinWay.CHOSEN: N_("自己重新设置"),
}
NEEDS: Final[Mapping[str, str]] = {
    Need.FILLED: N_("前面还有没填完的内容，请先填完。"),
    Need.MATERIAL: N_("还有资料没有上传。"),
    Need.CORRECTED: N_("被驳回的资料还没有换，或者被驳回的内容还没有重新保存。"),
    Need.IDENTIFIED: N_("还有身份核验没有通过。"),
    Need.UNPAID: N_("费用已支付，不能再修改。"),
    Need.FREE: N_("正在审核，现在不能取消。请稍后再试，或者联系客服。"),
    Need.AMOUNT: N_("金额不对。"),
}
