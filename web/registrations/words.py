"""What the pages of registrations say: states, steps, faults."""

from collections.abc import Mapping
from typing import Final

from office.sealed.port import PartnerAnswer, Wrong
from trading.registrations.application import AttachmentKind, Fault, Step
from trading.registrations.deciding import LISTED
from trading.registrations.papers import Paper
from trading.registrations.priority import HolderFault, HolderState
from trading.registrations.states import RegistrationState
from web.languages import N_

STATES: Final[Mapping[RegistrationState, str]] = {
    RegistrationState.FILLING: N_("正在填写"),
    RegistrationState.AWAITING_PARTNERS: N_("等联合购买人同意"),
    RegistrationState.AWAITING_SEAL: N_("等您盖章"),
    RegistrationState.AWAITING_DEPOSIT: N_("等保证金到账"),
    RegistrationState.QUALIFIED: N_("报名成功"),
    RegistrationState.INVALIDATED: N_("公告有更正，等您重新确认"),
    RegistrationState.WITHDRAWN: N_("已撤回"),
    RegistrationState.REJECTED: N_("未通过"),
    RegistrationState.NOT_CONCLUDED: N_("截止前没有完成"),
}
PAPERS: Final[Mapping[Paper, str]] = {
    Paper.FORM: N_("竞买申请书"),
    Paper.PLEDGE: N_("竞买人资格承诺书"),
}
"""As the pages call the papers; the papers themselves are Chinese."""
REJECTIONS: Final[Mapping[str, str]] = {
    LISTED: N_("您在违约名单上。已交的保证金会原路退回。"),
}
"""Why a registration was rejected."""
NEXT: Final[Mapping[RegistrationState, str]] = {
    RegistrationState.FILLING: N_("继续填写"),
    RegistrationState.AWAITING_PARTNERS: N_("查看"),
    RegistrationState.AWAITING_SEAL: N_("去盖章"),
    RegistrationState.AWAITING_DEPOSIT: N_("看回执单，交保证金"),
    RegistrationState.QUALIFIED: N_("看回执单"),
    RegistrationState.INVALIDATED: N_("重新确认"),
    RegistrationState.WITHDRAWN: N_("查看"),
    RegistrationState.REJECTED: N_("查看"),
    RegistrationState.NOT_CONCLUDED: N_("查看"),
}
"""What the button says that leads to the registration."""
KINDS_OF_STATES: Final[Mapping[RegistrationState, str]] = {
    RegistrationState.FILLING: "waiting",
    RegistrationState.AWAITING_PARTNERS: "waiting",
    RegistrationState.AWAITING_SEAL: "warning",
    RegistrationState.AWAITING_DEPOSIT: "warning",
    RegistrationState.QUALIFIED: "good",
    RegistrationState.INVALIDATED: "warning",
    RegistrationState.WITHDRAWN: "ended",
    RegistrationState.REJECTED: "ended",
    RegistrationState.NOT_CONCLUDED: "ended",
}
STEPS: Final[Mapping[Step, str]] = {
    Step.RULES: N_("阅读交易规则"),
    Step.JOINT: N_("是否联合购买"),
    Step.FORM: N_("竞买申请书"),
    Step.PLEDGE: N_("资格承诺书"),
    Step.ATTACHMENTS: N_("审查附件"),
    Step.BANK: N_("保证金银行"),
    Step.SEAL: N_("核对并盖章"),
    Step.RECEIPT: N_("申购回执单"),
}
FAULTS: Final[Mapping[Fault, str]] = {
    Fault.EMPTY: N_("请填写。"),
    Fault.TOO_LONG: N_("太长了，请缩短。"),
    Fault.UNSEEN: N_("里面有看不见的字符，请重新输入。"),
    Fault.NOT_A_CHOICE: N_("请选择一项。"),
    Fault.ID_LENGTH: N_("身份证号码是 18 位，请检查有没有漏写或多写。"),
    Fault.ID_CHECK: N_("身份证号码不对，可能有一位写错了，请对照证件检查。"),
    Fault.CREDIT_LENGTH: N_("统一社会信用代码是 18 位，请检查有没有漏写或多写。"),
    Fault.CREDIT_CHECK: N_("统一社会信用代码不对，可能有一位写错了，请对照营业执照检查。"),
    Fault.PHONE: N_("电话号码不对。手机号是 11 位；固定电话请带区号，如 0743-8222222。"),
    Fault.ACCOUNT: N_("银行账号只有数字，8 到 32 位，请检查。"),
    Fault.NOT_READ: N_("请先阅读，再勾选。"),
    Fault.SHARE: N_("份额是大于 0、小于 100 的数，最多两位小数。"),
    Fault.WHOLE: N_("所有人的份额加起来要正好是 100%。"),
    Fault.NO_PARTNER: N_("请至少填写一位联合购买人；如果单独购买，请选“单独购买”。"),
    Fault.NO_BANK: N_("请选择一家银行。"),
    Fault.NO_IDENTITY: N_("请上传身份证明：个人传身份证，单位传营业执照。"),
}
PARTNER_FAULTS: Final[Mapping[Wrong, str]] = {
    Wrong.UNKNOWN_LOGIN: N_("没有这个账号。请向对方问清登录账号。"),
    Wrong.NOT_A_BIDDER: N_("这个账号不是竞买人账号。"),
    Wrong.DISABLED: N_("这个账号已停用。"),
    Wrong.TWICE: N_("这个账号写了两次，或者就是您自己。"),
    Wrong.RANK: FAULTS[Fault.SHARE],
    Wrong.EMPTY: FAULTS[Fault.NO_PARTNER],
    Wrong.TOO_MANY: N_("联合购买人太多了。"),
    Wrong.NO_PADDLES: N_("联合购买人太多了。"),
}
ANSWERS: Final[Mapping[PartnerAnswer, str]] = {
    PartnerAnswer.ASKED: N_("等对方同意"),
    PartnerAnswer.ACCEPTED: N_("已同意"),
    PartnerAnswer.DECLINED: N_("没有同意"),
}
ATTACHMENT_KINDS: Final[Mapping[AttachmentKind, str]] = {
    AttachmentKind.IDENTITY: N_("身份证明（身份证、营业执照）"),
    AttachmentKind.QUALIFICATION: N_("资格材料（公告要求的）"),
    AttachmentKind.AUTHORITY: N_("授权委托书"),
    AttachmentKind.JOINT: N_("联合购买协议"),
    AttachmentKind.OTHER: N_("其他"),
}
HOLDER_STATES: Final[Mapping[HolderState, str]] = {
    HolderState.MARKED: N_("等平台确认"),
    HolderState.CONFIRMED: N_("已确认"),
    HolderState.REFUSED: N_("没有确认"),
}
HOLDER_FAULTS: Final[Mapping[HolderFault, str]] = {
    HolderFault.NAME: N_("请填写姓名或单位名称。"),
    HolderFault.CODE: N_("身份证号码或统一社会信用代码不对，请检查。"),
    HolderFault.RANK: N_("顺位是 1 到 99 的整数。"),
    HolderFault.GROUND: N_("请写明依据，最多 500 个字。"),
    HolderFault.TWICE: N_("这位权利人已经标记过了。"),
    HolderFault.TOO_MANY: N_("优先购买权人太多了。"),
    HolderFault.TOO_LATE: N_("报名已经结束，名单不能再改。"),
    HolderFault.REASON: N_("请填写不确认的原因，最多 500 个字。"),
}

ACT_WORDS: Final = {
    "registration.begin": N_("开始报名"),
    "registration.submit": N_("提交竞买申请"),
    "registration.seal": N_("盖章完成"),
    "registration.confirm_again": N_("重新确认报名"),
    "registration.withdraw": N_("撤回报名"),
}
"""The registrant's own acts, as they are noted (trading.registrations.mine)."""
