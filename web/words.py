"""The words for what the code names: phases, causes, refusals, obstacles; marked for translation."""

from collections.abc import Mapping
from typing import Final

from bidding.lots import AssetClass
from bidding.messages import Cause, Obstacle, Phase, Reason
from office.accounts import Role
from office.sealed import Wrong
from web.languages import N_

PHASES: Final[Mapping[str, str]] = {
    Phase.SCHEDULED: N_("未开始"),
    Phase.INQUIRY: N_("询问期"),
    Phase.TIMED_BIDDING: N_("限时竞价"),
    Phase.SUSPENDED: N_("已中止"),
    Phase.CLOSED: N_("已收槌"),
    Phase.ABORTED: N_("已终结"),
}
ASSET_CLASSES: Final[Mapping[str, str]] = {
    AssetClass.PHYSICAL: N_("实物资产"),
    AssetClass.DEBT: N_("债权"),
    AssetClass.EQUITY: N_("股权"),
    AssetClass.CONCESSION: N_("特许经营权"),
    AssetClass.OPERATING_RIGHT: N_("未来经营权"),
}
ROLES: Final[Mapping[str, str]] = {
    Role.BIDDER: N_("竞买人"),
    Role.TRANSFEROR: N_("转让方"),
    Role.ADMINISTRATOR: N_("管理员"),
    Role.REGULATOR: N_("监管人员"),
    Role.FINANCE: N_("财务人员"),
    Role.CLERK: N_("办证人员"),
}
CAUSES: Final[Mapping[str, str]] = {
    Cause.ADMINISTRATOR: N_("管理员中止"),
    Cause.ABORT_REQUESTED: N_("有管理员申请终结"),
    Cause.OUTAGE: N_("平台服务中断，倒计时已停"),
    Cause.RECOVERY: N_("平台恢复数据，倒计时已停"),
}
REASONS: Final[Mapping[str, str]] = {
    Reason.ID_REUSED: N_("这个出价编号已用于另一个价格，请重新出价"),
    Reason.NOT_LIVE: N_("标的未在竞价中"),
    Reason.SUSPENDED: N_("标的已中止，暂不接受出价"),
    Reason.NOT_TIMED_BIDDING: N_("询问期内不接受出价，请等限时竞价开始"),
    Reason.LATE: N_("出价迟到：倒计时已结束"),
    Reason.NOT_QUALIFIED: N_("您不在本标的的竞买人名单中"),
    Reason.NOT_CONFIRMED: N_("您在询问期内没有确认参加"),
    Reason.OWN_BID: N_("您已领先，不必再加价"),
    Reason.OFF_GRID: N_("出价必须是起始价加整数倍的加价幅度"),
    Reason.BELOW_STARTING_PRICE: N_("出价低于起始价"),
    Reason.BELOW_MINIMUM: N_("出价低于最低可出价"),
    Reason.ABOVE_MAXIMUM: N_("出价超过一次加价的上限，请检查是否多输了一位"),
}
OBSTACLES: Final[Mapping[str, str]] = {
    Obstacle.UNKNOWN_LOT: N_("竞价系统里还没有这个标的"),
    Obstacle.ALREADY_SCHEDULED: N_("标的已经上架"),
    Obstacle.ALREADY_OPENED: N_("标的已经开始，名单不能再改"),
    Obstacle.NOT_LIVE: N_("标的未在竞价中"),
    Obstacle.PAST_DEADLINE: N_("倒计时已结束，只能收槌"),
    Obstacle.ALREADY_SUSPENDED: N_("标的已经中止"),
    Obstacle.NOT_SUSPENDED: N_("标的没有中止"),
    Obstacle.TOO_EARLY: N_("恢复时间已过"),
    Obstacle.ABORT_ALREADY_REQUESTED: N_("已有管理员申请终结，等另一位管理员确认"),
    Obstacle.NO_ABORT_REQUESTED: N_("没有待确认的终结申请"),
    Obstacle.SAME_ADMINISTRATOR: N_("终结要由另一位管理员确认，不能由申请人自己确认"),
    Obstacle.NOT_INQUIRY: N_("询问期已结束，不能再确认"),
    Obstacle.NOT_QUALIFIED: N_("您不在本标的的竞买人名单中"),
    Obstacle.NOT_CLOSED: N_("标的还没有收槌"),
    Obstacle.ALREADY_SETTLED: N_("结果已经公布"),
}
LIST_FAULTS: Final[Mapping[str, str]] = {
    Wrong.UNKNOWN_LOGIN: N_("没有这个账号"),
    Wrong.NOT_A_BIDDER: N_("这个账号不是竞买人"),
    Wrong.DISABLED: N_("这个账号已停用"),
    Wrong.TWICE: N_("同一账号出现了两次"),
    Wrong.RANK: N_("优先顺位应为 0 到 99 的整数，0 表示没有优先购买权"),
    Wrong.EMPTY: N_("名单是空的"),
    Wrong.TOO_MANY: N_("名单超过 5000 行"),
    Wrong.NO_PADDLES: N_("竞买号已用完：本标的先后列入名单的人太多"),
}
KINDS: Final[Mapping[str, str]] = {
    "lot_scheduled": N_("上架"),
    "inquiry_opened": N_("询问期开始"),
    "timed_bidding_started": N_("限时竞价开始"),
    "bid_accepted": N_("出价"),
    "suspended": N_("中止"),
    "resumption_announced": N_("宣布恢复时间"),
    "resumed": N_("恢复"),
    "abort_requested": N_("申请终结"),
    "aborted": N_("终结"),
    "closed": N_("收槌"),
    "result": N_("结果"),
    "notice": N_("公告"),
    "recovered": N_("数据恢复"),
}
