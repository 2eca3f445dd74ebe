"""The words for what the code of listings names, marked for translation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from office.money import AmountFault
from trading.lifecycle.states import Act, AnnouncementKind, LotState, SaleMethod
from trading.lifecycle.table import Need
from trading.listings.checks import Shortfall, Step
from trading.listings.file_kinds import FileKind, FileWrong
from trading.listings.reading import Fault
from trading.listings.requests import Answer, RequestKind
from trading.listings.search import Order, Stage
from web.amounts import AMOUNT_FAULTS
from web.languages import N_
from web.shown import BEIJING

LOT_STATES: Final[Mapping[str, str]] = {
    LotState.DRAFT: N_("草稿"),
    LotState.SUBMITTED: N_("待审核"),
    LotState.ANNOUNCED: N_("公告中"),
    LotState.EXTENDED: N_("延期公告中"),
    LotState.SUSPENDED: N_("中止"),
    LotState.EVALUATION: N_("报名结束，等待核定"),
    LotState.NEGOTIATION: N_("等待填写成交价"),
    LotState.IN_AUCTION: N_("网上竞价"),
    LotState.PRIORITY_OFFER: N_("征询优先购买权人"),
    LotState.NEXT_OFFER: N_("征询下一位报价人"),
    LotState.REVIEW: N_("资格审查"),
    LotState.CONFIRMATION: N_("签成交确认书"),
    LotState.CONTRACT: N_("签交易合同"),
    LotState.PAYMENT: N_("支付价款"),
    LotState.PUBLICATION: N_("结果公示"),
    LotState.COMPLETED: N_("交易完成"),
    LotState.ARCHIVED: N_("已归档"),
    LotState.UNSOLD: N_("未成交"),
    LotState.WITHDRAWN: N_("已撤回"),
    LotState.ABORTED: N_("已终结"),
}
STATE_BADGES: Final[Mapping[str, str]] = {
    LotState.DRAFT: "neutral",
    LotState.SUBMITTED: "waiting",
    LotState.ANNOUNCED: "waiting",
    LotState.EXTENDED: "waiting",
    LotState.SUSPENDED: "warning",
    LotState.EVALUATION: "waiting",
    LotState.NEGOTIATION: "warning",
    LotState.IN_AUCTION: "live",
    LotState.PUBLICATION: "good",
    LotState.COMPLETED: "good",
    LotState.ARCHIVED: "good",
    LotState.UNSOLD: "ended",
    LotState.WITHDRAWN: "ended",
    LotState.ABORTED: "ended",
}
STAGES: Final[Mapping[str, str]] = {
    Stage.UPCOMING: N_("报名未开始"),
    Stage.OPEN: N_("报名中"),
    Stage.SUSPENDED: N_("中止"),
    Stage.LIVE: N_("竞价阶段"),
    Stage.SETTLING: N_("办理成交手续"),
    Stage.SOLD: N_("已成交"),
    Stage.ENDED: N_("未成交或撤回"),
}
STAGE_BADGES: Final[Mapping[str, str]] = {
    Stage.UPCOMING: "neutral",
    Stage.OPEN: "waiting",
    Stage.SUSPENDED: "warning",
    Stage.LIVE: "live",
    Stage.SETTLING: "good",
    Stage.SOLD: "good",
    Stage.ENDED: "ended",
}
METHODS: Final[Mapping[str, str]] = {
    SaleMethod.COMPETITIVE_BIDDING: N_("竞价方式"),
    SaleMethod.AUCTION: N_("拍卖方式"),
}
METHOD_HINTS: Final[Mapping[str, str]] = {
    SaleMethod.COMPETITIVE_BIDDING: N_("至少两人报名才进入网上竞价；只有一人时公告自动延期一次。"),
    SaleMethod.AUCTION: N_("有一人报名就进入网上拍卖。"),
}
ORDERS: Final[Mapping[str, str]] = {
    Order.LATEST: N_("最新公告在前"),
    Order.ENDING: N_("报名最早截止在前"),
    Order.CHEAPEST: N_("起始价从低到高"),
    Order.DEAREST: N_("起始价从高到低"),
}
ANNOUNCEMENTS: Final[Mapping[str, str]] = {
    AnnouncementKind.ANNOUNCEMENT: N_("交易公告"),
    AnnouncementKind.SUPPLEMENTARY: N_("补充公告"),
    AnnouncementKind.CORRECTION: N_("更正公告"),
    AnnouncementKind.SUSPENSION: N_("中止公告"),
    AnnouncementKind.RESUMPTION: N_("恢复公告"),
    AnnouncementKind.WITHDRAWAL: N_("撤回公告"),
    AnnouncementKind.TERMINATION: N_("终结公告"),
    AnnouncementKind.UNSOLD: N_("未成交公告"),
    AnnouncementKind.RESULT: N_("成交结果公告"),
}
STEPS: Final[Mapping[str, str]] = {
    Step.BASICS: N_("基本信息"),
    Step.DETAILS: N_("资产情况"),
    Step.PRICES: N_("价格和保证金"),
    Step.FILES: N_("图片和文件"),
}
FILE_KINDS: Final[Mapping[str, str]] = {
    FileKind.PICTURE: N_("图片"),
    FileKind.ATTACHMENT: N_("公开附件"),
    FileKind.VALUATION: N_("评估报告"),
    FileKind.DECISION: N_("决策文件"),
    FileKind.PRICE_APPROVAL: N_("低于评估价的批准文件"),
    FileKind.PRIORITY_PROOF: N_("优先购买权证明"),
}
FILE_HINTS: Final[Mapping[str, str]] = {
    FileKind.PICTURE: N_("公众能看到。会自动去掉拍摄地点等信息。"),
    FileKind.ATTACHMENT: N_("公众能下载，例如清单、平面图、合同样本。"),
    FileKind.VALUATION: N_("只有您、管理员和监管人员能看。填了评估价就必须上传。"),
    FileKind.DECISION: N_("同意转让的会议决定或批复，必须上传。只有您、管理员和监管人员能看。"),
    FileKind.PRICE_APPROVAL: N_("起始价低于评估价的规定比例时必须上传。"),
    FileKind.PRIORITY_PROOF: N_("涉及个人信息，只有您、管理员和监管人员能看。"),
}
FILE_WRONGS: Final[Mapping[str, str]] = {
    FileWrong.EMPTY: N_("请先选择文件；选了的文件也可能是空的。"),
    FileWrong.TOO_LARGE: N_("文件太大，最多 %(megabytes)s MB。请压缩或拆分后再上传。"),
    FileWrong.TOO_MANY: N_("这一类最多 %(most)s 个文件。请先删掉不用的。"),
    FileWrong.NOT_THIS_FORM: N_("这种文件不能上传。可以上传：%(forms)s。"),
    FileWrong.OTHER_THAN_ITS_NAME: N_(
        "文件名的结尾是“%(ending)s”，内容却是 %(form)s。请用正确的格式另存后再上传。"
    ),
    FileWrong.DAMAGED: N_("文件打不开，可能已损坏。请重新保存后再上传。"),
    FileWrong.LOCKED: N_("文件有密码。请去掉密码再上传。"),
    FileWrong.ACTIVE: N_("文件里带有宏、脚本或嵌入的其他文件，不能上传。请去掉后再上传。"),
    FileWrong.TOO_MANY_PIXELS: N_("图片尺寸太大。请缩小后再上传。"),
    FileWrong.TOO_MANY_PAGES: N_("页数超过 %(most)s 页。请拆分后再上传。"),
    FileWrong.THERE_ALREADY: N_("这个文件已经上传过了。"),
}
FAULTS: Final[Mapping[str, str]] = {
    Fault.MISSING: N_("这一项必须填写。"),
    Fault.TOO_LONG: N_("文字太长了，最多 %(longest)s 个字。"),
    Fault.ZERO_CHARACTER: N_("含有不能用的字符，请重新输入。"),
    Fault.NOT_AN_AMOUNT: AMOUNT_FAULTS[AmountFault.UNREADABLE],
    Fault.AMOUNT_SEPARATORS: AMOUNT_FAULTS[AmountFault.SEPARATORS],
    Fault.AMOUNT_TOO_PRECISE: AMOUNT_FAULTS[AmountFault.TOO_PRECISE],
    Fault.AMOUNT_TOO_SMALL: AMOUNT_FAULTS[AmountFault.TOO_SMALL],
    Fault.AMOUNT_TOO_LARGE: AMOUNT_FAULTS[AmountFault.TOO_LARGE],
    Fault.NOT_A_NUMBER: N_("请填写数字。"),
    Fault.TOO_PRECISE: N_("小数最多 %(decimals)s 位。"),
    Fault.OUT_OF_BOUNDS: N_("应在 %(least)s 到 %(most)s 之间。"),
    Fault.NOT_A_DATE: N_("请填写日期，例如 2026-12-01。"),
    Fault.NOT_A_MOMENT: N_("请按“年-月-日 时:分”填写北京时间，例如 2026-12-01 10:00。"),
    Fault.NOT_A_CHOICE: N_("请从选项中选择一项。"),
    Fault.NOT_A_PHONE: N_("请填写电话号码，例如 0743-8523032 或 13800000000。"),
}
SHORTFALLS: Final[Mapping[str, str]] = {
    Shortfall.STEP_OPEN: N_("“%(step)s”这一步还没有保存"),
    Shortfall.FIELD_OPEN: N_("还没有填写：%(label)s"),
    Shortfall.OVERVIEW_OPEN: N_("还没有填写：基本概况"),
    Shortfall.DISCLOSURES_OPEN: N_("还没有填写：重大事项披露（没有就写“无”）"),
    Shortfall.DEPOSIT_TOO_LOW: N_("保证金太少，至少 %(amount)s 元"),
    Shortfall.DEPOSIT_TOO_HIGH: N_("保证金太多，最多 %(amount)s 元"),
    Shortfall.INCREMENT_TOO_HIGH: N_("加价幅度不能超过起始价 %(amount)s 元"),
    Shortfall.STEPS_TOO_HIGH: N_("一次加价的幅度数超过规则允许的上限 %(count)s"),
    Shortfall.PRICES_TOO_HIGH: N_("起始价加上一次最多加的金额，超过了平台能处理的最大金额"),
    Shortfall.RESERVE_TOO_LOW: N_("保留价不能低于起始价 %(amount)s 元；没有保留价就留空"),
    Shortfall.NO_DECISION: N_("还没有上传决策文件"),
    Shortfall.NO_VALUATION_REPORT: N_("填了评估价，还没有上传评估报告"),
    Shortfall.NO_PRICE_APPROVAL: N_("起始价低于评估价的规定比例（%(amount)s 元），要上传批准文件"),
    Shortfall.NO_PICTURE: N_("实物资产至少要上传一张图片"),
    Shortfall.RELISTED_TOO_LOW: N_("重新挂牌的起始价不能低于 %(amount)s 元"),
}
NEEDS: Final[Mapping[str, str]] = {
    Need.REASON: N_("请填写理由，最多 800 个字。"),
    Need.PROFILE: N_("这类资产和交易方式还没有发布交易规则。请联系平台管理员。"),
    Need.PRICE_FLOOR: N_("起始价低于评估价的规定比例，要先上传批准文件。"),
    Need.RELIST_FLOOR: N_("重新挂牌的起始价低于规则允许的下限。"),
    Need.DEPOSIT_SHARE: N_("保证金不在规则允许的范围内。"),
    Need.DATES: N_("日期不对：公告期不能短于规则，竞价不能早于报名截止。"),
    Need.NOT_OVER: N_("报名已经截止，不能再更正。"),
    Need.BEFORE_AUCTION: N_("已经竞价的标的不能撤回，只能终结。"),
    Need.AFTER_AUCTION: N_("还没有竞价的标的请用“撤回”。"),
}
REQUESTS: Final[Mapping[str, str]] = {
    RequestKind.WITHDRAW: N_("撤回标的"),
    RequestKind.SUSPEND: N_("中止交易"),
    RequestKind.CORRECT: N_("更正公告"),
}
ANSWERS: Final[Mapping[str, str]] = {
    Answer.OPEN: N_("等管理员答复"),
    Answer.ACCEPTED: N_("已同意"),
    Answer.REFUSED: N_("未同意"),
    Answer.TAKEN_BACK: N_("已收回"),
}
ACTS: Final[Mapping[str, str]] = {
    Act.SUBMIT: N_("提交审核"),
    Act.RETURN: N_("退回修改"),
    Act.ANNOUNCE: N_("发布公告"),
    Act.CORRECT: N_("发布更正"),
    Act.REDATE: N_("重新计算日期"),
    Act.SUSPEND: N_("中止"),
    Act.RESUME: N_("恢复"),
    Act.WITHDRAW: N_("撤回"),
    Act.END_REGISTRATION: N_("报名截止"),
    Act.EXTEND: N_("公告延期"),
    Act.GO_TO_AUCTION: N_("进入网上竞价"),
    Act.NEGOTIATE: N_("转为协商成交"),
    Act.FAIL: N_("未成交"),
    Act.AGREE_PRICE: N_("确定成交价"),
    Act.HAMMER: N_("竞价成交"),
    Act.ABORT: N_("终结"),
    Act.OFFER_PRIORITY: N_("征询优先购买权人"),
    Act.ANSWER_PRIORITY: N_("优先购买权人答复"),
    Act.OFFER_NEXT: N_("征询下一位竞买人"),
    Act.ANSWER_NEXT: N_("下一位竞买人答复"),
    Act.AWARD: N_("审查通过"),
    Act.REFUSE_AWARD: N_("审查不通过"),
    Act.DEFAULT: N_("受让方违约"),
    Act.CONFIRM: N_("成交确认书签章完成"),
    Act.CONTRACT_SEALED: N_("合同签章完成"),
    Act.PAID: N_("价款付清"),
    Act.END_PUBLICATION: N_("结果公示结束"),
    Act.ARCHIVE: N_("归档"),
}


def minute(moment: datetime | None) -> str:
    """ "2026年11月21日 10:00", Beijing time."""
    return f"{moment.astimezone(BEIJING):%Y年%m月%d日 %H:%M}" if moment else "—"


def minute_en(moment: datetime | None) -> str:
    return f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M}" if moment else "—"


def day(moment: datetime | None) -> str:
    """ "2026年11月21日", in Beijing: of what is kept to the day."""
    return f"{moment.astimezone(BEIJING):%Y年%m月%d日}" if moment else "—"


def day_en(moment: datetime | None) -> str:
    return f"{moment.astimezone(BEIJING):%Y-%m-%d}" if moment else "—"


def local_input(moment: datetime | None) -> str:
    """For <input type="datetime-local">."""
    return f"{moment.astimezone(BEIJING):%Y-%m-%dT%H:%M}" if moment else ""


def size_word(size: int) -> str:
    """ "1.2 MB", "34 KB"."""
    return f"{size / (1 << 20):.1f} MB" if size >= 1 << 20 else f"{max(1, size >> 10)} KB"
