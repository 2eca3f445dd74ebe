"""The words of the money on pages."""

from collections.abc import Mapping
from typing import Final

from office.banking.journal import Ledger
from office.banking.proposals import Obstacle, ProposalKind, ProposalState
from office.banking.statements import FaultKind
from trading.deposits.states import DepositState, Disposition, MoneyStanding, RefundKind, RefundState
from web.languages import N_
from web.visits import Visit

STANDINGS: Final[Mapping[str, str]] = {
    MoneyStanding.UNSEEN: N_("待匹配"),
    MoneyStanding.COUNTED: N_("已入账"),
    MoneyStanding.FOREIGN: N_("户名不符"),
    MoneyStanding.LATE: N_("逾期到账"),
    MoneyStanding.UNMATCHED: N_("无法识别"),
    MoneyStanding.RETURNING: N_("退款中"),
    MoneyStanding.RETURNED: N_("已退回"),
    MoneyStanding.ORDER: N_("办证订单款"),
    MoneyStanding.OUTGOING: N_("平台付出"),
}
BADGES: Final[Mapping[str, str]] = {
    MoneyStanding.UNSEEN: "waiting",
    MoneyStanding.COUNTED: "good",
    MoneyStanding.FOREIGN: "warning",
    MoneyStanding.LATE: "warning",
    MoneyStanding.UNMATCHED: "warning",
    MoneyStanding.RETURNING: "waiting",
    MoneyStanding.RETURNED: "ended",
    MoneyStanding.OUTGOING: "neutral",
    DepositState.DUE: "neutral",
    DepositState.SHORT: "warning",
    DepositState.PAID: "good",
    DepositState.OVERPAID: "warning",
    DepositState.FOREIGN_PAYER: "warning",
    DepositState.REFUNDING: "waiting",
    DepositState.REFUNDED: "ended",
    DepositState.CREDITED: "good",
    DepositState.FORFEITED: "ended",
    RefundState.BATCHED: "waiting",
    RefundState.FAILED: "warning",
}
"""Kinds of badges. A refund that is due or paid is badged as the deposit of that name."""
DEPOSITS: Final[Mapping[str, str]] = {
    DepositState.DUE: N_("待缴纳"),
    DepositState.SHORT: N_("未缴足"),
    DepositState.PAID: N_("已缴足"),
    DepositState.LATE: N_("逾期到账"),
    DepositState.OVERPAID: N_("多缴"),
    DepositState.FOREIGN_PAYER: N_("付款户名不符"),
    DepositState.REFUNDING: N_("退款中"),
    DepositState.REFUNDED: N_("已退回"),
    DepositState.CREDITED: N_("已抵作价款"),
    DepositState.FORFEITED: N_("不予退还"),
}
DISPOSITIONS: Final[Mapping[str, str]] = {
    Disposition.HELD: N_("保管中"),
    Disposition.RELEASED: N_("应退还"),
    Disposition.CREDITED: N_("已抵作价款"),
    Disposition.FORFEITED: N_("不予退还"),
}
REFUNDS: Final[Mapping[str, str]] = {
    RefundState.DUE: N_("待退款"),
    RefundState.BATCHED: N_("银行处理中"),
    RefundState.FAILED: N_("退款失败"),
    RefundState.PAID: N_("已付款"),
}
REFUND_KINDS: Final[Mapping[str, str]] = {
    RefundKind.RELEASE: N_("退还保证金"),
    RefundKind.EXCESS: N_("退还多缴"),
    RefundKind.RETURN: N_("退回来款"),
    RefundKind.PAYOUT: N_("划转价款"),
}
LEDGERS: Final[Mapping[str, str]] = {
    Ledger.BANK: N_("银行存款"),
    Ledger.SUSPENSE: N_("待认领款项"),
    Ledger.DEPOSIT: N_("保证金"),
    Ledger.PRICE: N_("成交价款"),
    Ledger.REFUND: N_("待退款项"),
    Ledger.SENT: N_("在途款项"),
    Ledger.FORFEIT: N_("不予退还的保证金"),
    Ledger.FEE: N_("交易服务费"),
    Ledger.PROVIDER: N_("支付机构代收款"),
    Ledger.COUNTER: N_("窗口收款"),
    Ledger.ORDER: N_("办证订单款"),
    Ledger.SERVICE: N_("办证收入"),
}
PROPOSAL_KINDS: Final[Mapping[str, str]] = {
    ProposalKind.ASSIGN: N_("认领到子账号"),
    ProposalKind.ACCEPT: N_("认可他人代付"),
    ProposalKind.PAYEE: N_("更改收款账户"),
    ProposalKind.ORDER: N_("认领到办证订单"),
}
PROPOSAL_STATES: Final[Mapping[str, str]] = {
    ProposalState.OPEN: N_("待复核"),
    ProposalState.AGREED: N_("已同意"),
    ProposalState.REFUSED: N_("未同意"),
    ProposalState.WITHDRAWN: N_("已撤回"),
}
SOURCES: Final[Mapping[str, str]] = {
    "statement": N_("对账单"),
    "notification": N_("银行通知"),
}
FAULTS: Final[Mapping[str, str]] = {
    FaultKind.NO_SHEET: N_("文件读不出来。请用银行导出的 CSV 或 XLSX 文件，编码为 UTF-8 或 GBK。"),
    FaultKind.OLD_EXCEL: N_("这是旧版 Excel（.xls）文件。请另存为 .xlsx 或 CSV 再上传。"),
    FaultKind.TOO_LONG: N_("文件太大，最多 200000 行。请分成几份上传。"),
    FaultKind.NO_HEADER: N_("没有找到表头。缺少这些列："),
    FaultKind.EMPTY: N_("文件里没有交易。"),
    FaultKind.MISSING: N_("没有填写"),
    FaultKind.AMOUNT: N_("不是金额（元，最多两位小数）"),
    FaultKind.BOTH_WAYS: N_("一行里既有收入又有支出"),
    FaultKind.REVERSED: N_("金额是负数（冲正或红字），不算一笔收支。请与银行核对后从文件中去掉这一行。"),
    FaultKind.DIRECTION: N_("看不出是收入还是支出"),
    FaultKind.TIME: N_("不是日期时间"),
    FaultKind.LOST_DIGITS: N_(
        "这个长号码在表格里被存成了数字，Excel 只保留前 15 位，后几位已经不对了。"
        "请从银行重新导出 CSV，或把这一列设成“文本”后再导出。"
    ),
    FaultKind.TOO_LONG_TEXT: N_("内容太长"),
    FaultKind.TWICE: N_("流水号重复，但内容不同"),
}
OBSTACLES: Final[Mapping[str, str]] = {
    Obstacle.OVERTAKEN: N_("这笔款项刚刚有了变化，没有处理。请看清最新情况再办理。"),
    Obstacle.NO_REASON: N_("请写明原因，最多 300 个字。"),
    Obstacle.UNKNOWN_ACCOUNT: N_("没有这个子账号，或者款项已经在这个子账号上。请核对号码。"),
    Obstacle.UNKNOWN_ORDER: N_(
        "没有这个办证订单，或者它没有在等付款，或者款项已经在这个订单上。请核对订单号。"
    ),
    Obstacle.PROPOSED_BEFORE: N_("这笔款项已有一项申请等待复核，请先处理那一项。"),
    Obstacle.OWN_PROPOSAL: N_("自己提出的申请要由另一位财务人员复核。"),
    Obstacle.WHOLE_NEEDED: N_("保证金没有多缴，不能退回。"),
    Obstacle.NO_PAYEE: N_("请填写收款户名和收款账号。"),
}
_TABLES: Final = {
    "standing": STANDINGS,
    "deposit": DEPOSITS,
    "disposition": DISPOSITIONS,
    "refund": REFUNDS,
    "refund_kind": REFUND_KINDS,
    "ledger": LEDGERS,
    "proposal_kind": PROPOSAL_KINDS,
    "proposal_state": PROPOSAL_STATES,
    "source": SOURCES,
    "fault": FAULTS,
}


def words_for(visit: Visit) -> dict[str, dict[str, str]]:
    """The tables in the language of the visit, for templates; `badge` has kinds of badges."""
    said = {name: {str(k): visit.text(v) for k, v in table.items()} for name, table in _TABLES.items()}
    return said | {"badge": {str(k): v for k, v in BADGES.items()}}
