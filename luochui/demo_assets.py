"""The listings of the demonstration: invented assets, each led to the state that it shows. Texts only.

luochui.demo_listings leads them there, through the same stores and rounds as everybody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bidding.lots import AssetClass
from trading.lifecycle.states import LotState, SaleMethod

_C, _M, _S = AssetClass, SaleMethod, LotState
_NOTE: Final = "本标的为演示数据：名称、地点和金额均为虚构，不构成任何交易要约。"
COMMON: Final[Mapping[str, Any]] = {
    "payment": "once",
    "delivery": "付清价款后十个工作日内办理移交",
    "taxes": "税费按规定由双方各自承担",
    "contact": "演示联系人",
    "telephone": "0743-0000000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One listing. Prices in yuan; days before the demonstration began.

    `announced`: days ago, `ended`: when its registration ended (negative: still to come); `extended`: the
    first end is that many days ago, and the extension is over as well.
    `registrants`: who pays the deposit; `unpaid`: who registers without paying.
    """

    key: str
    state: LotState
    asset_class: AssetClass
    method: SaleMethod = _M.COMPETITIVE_BIDDING
    title: str
    place: str
    overview: str
    details: Mapping[str, Any]
    starting_yuan: int
    announced: float = 2
    ended: float = -35
    extended: float | None = None
    registrants: tuple[str, ...] = ()
    unpaid: tuple[str, ...] = ()
    bidders: tuple[str, ...] = field(default=())
    """Who bids in the auction, in turn; the last one wins."""
    opens_in_hours: float = 0.0

    @property
    def description(self) -> str:
        return f"{self.overview}\n\n{_NOTE}"


def _house(location: str, area: str, condition: str = "空置") -> dict[str, Any]:
    return {
        "kind": "real_estate",
        "location": location,
        "area": area,
        "condition": condition,
        "encumbrances": "无抵押、无查封",
    }


def _vehicle(location: str, condition: str) -> dict[str, Any]:
    return {
        "kind": "vehicle",
        "location": location,
        "condition": condition,
        "encumbrances": "无抵押、无查封",
    }


def _right(what: str, location: str) -> dict[str, Any]:
    return {
        "object": what,
        "location": location,
        "starts": "2027-01-01",
        "years": "3",
        "scope": "按现状经营，不得转租",
    }


ASSETS: Final[tuple[Asset, ...]] = (
    Asset(
        key="draft",
        state=_S.DRAFT,
        asset_class=_C.PHYSICAL,
        title="北门巷旧办公楼一层（演示草稿）",
        place="湘西 · 州府城区",
        overview="旧办公楼一层三间，拟整体转让，资料正在补充。",
        details=_house("北门巷 8 号", "182.4"),
        starting_yuan=960_000,
    ),
    Asset(
        key="submitted",
        state=_S.SUBMITTED,
        asset_class=_C.EQUITY,
        title="某县粮油贸易公司 30% 股权",
        place="湘西 · 南部县城",
        overview="转让方持有的标的企业 30% 股权，已经审计和评估，等待平台审核。",
        details={
            "company": "某县示例粮油贸易有限公司",
            "share": "30",
            "registered_capital": "500000",
            "paid_in": "full",
            "audit_date": "2026-06-30",
            "shareholders": "另一股东持股 70%，已书面表示放弃优先购买权",
        },
        starting_yuan=1_500_000,
    ),
    Asset(
        key="announced",
        state=_S.ANNOUNCED,
        asset_class=_C.PHYSICAL,
        title="沿河路临街门面两间（建筑面积 96.8 平方米）",
        place="湘西 · 沿江老城区",
        overview="一楼临街门面两间，砖混结构，权证齐全，整体转让。看样请提前一日预约。",
        details=_house("沿河路 21 号", "96.8"),
        starting_yuan=780_000,
        registrants=("bidder2", "bidder3"),
        unpaid=("bidder4",),
    ),
    Asset(
        key="announced-debt",
        state=_S.ANNOUNCED,
        asset_class=_C.DEBT,
        title="供销企业欠款债权一笔（本金 210 万元）",
        place="湘西 · 北部县城",
        overview="对某供销企业的债权，本金 210 万元及至基准日的利息，已取得生效法律文书。",
        details={
            "debtor": "某示例供销企业",
            "principal": "2100000",
            "base_date": "2026-09-30",
            "guarantee": "mortgage",
            "litigation": "已取得生效法律文书，尚未执行完毕",
        },
        starting_yuan=620_000,
    ),
    Asset(
        key="announced-auction",
        state=_S.ANNOUNCED,
        asset_class=_C.CONCESSION,
        method=_M.AUCTION,
        title="城区公共停车场特许经营权（五年）",
        place="湘西 · 州府城区",
        overview="城区公共停车泊位 420 个的特许经营权，期限五年。",
        details={
            "project": "城区公共停车场",
            "grantor": "甲方示例单位",
            "scope": "公告附图所示的 420 个泊位",
            "years": "5",
            "handback": "期满设施完好移交，无偿",
        },
        starting_yuan=2_400_000,
        registrants=("bidder5",),
    ),
    Asset(
        key="suspended",
        state=_S.SUSPENDED,
        asset_class=_C.PHYSICAL,
        title="旧印刷机两台及附属设备",
        place="湘西 · 开发区",
        overview="闲置印刷设备一批，整体转让。",
        details=_vehicle("开发区三号仓库", "闲置三年，未通电测试"),
        starting_yuan=88_000,
    ),
    Asset(
        key="extended",
        state=_S.EXTENDED,
        asset_class=_C.PHYSICAL,
        title="公务用车两辆（小型普通客车）",
        place="湘西 · 州府城区",
        overview="公告期满只有一人报名，按规则自动延期七个工作日。",
        details=_vehicle("州直机关停车场", "检验有效期内，可行驶"),
        starting_yuan=56_000,
        announced=40,
        ended=2,
        registrants=("bidder2",),
    ),
    Asset(
        key="negotiation",
        state=_S.NEGOTIATION,
        asset_class=_C.PHYSICAL,
        title="农机站旧厂房一处",
        place="湘西 · 南部县城",
        overview="补充公告期满仍只有一人报名，由转让方填写最终成交价并上传会议决定。",
        details=_house("农机站路 3 号", "640", "部分屋面需要维修"),
        starting_yuan=430_000,
        announced=70,
        extended=25,
        registrants=("bidder3",),
    ),
    Asset(
        key="evaluation",
        state=_S.EVALUATION,
        asset_class=_C.PHYSICAL,
        title="库存钢材一批（约 42 吨）",
        place="湘西 · 开发区",
        overview="报名已截止，等待财务人员核对到账后决定下一步。",
        details={
            "kind": "goods",
            "location": "开发区一号仓库",
            "condition": "露天堆放，有锈蚀",
            "encumbrances": "无",
        },
        starting_yuan=120_000,
        announced=40,
        ended=0.0,
        registrants=("bidder4", "bidder5"),
    ),
    Asset(
        key="unsold",
        state=_S.UNSOLD,
        asset_class=_C.EQUITY,
        title="某旅游公司 12% 股权",
        place="湘西 · 西部县城",
        overview="公告期内无人报名，流拍。转让方可以一步重新挂牌。",
        details={
            "company": "某示例旅游开发有限公司",
            "share": "12",
            "registered_capital": "800000",
            "paid_in": "partly",
            "audit_date": "2026-03-31",
            "shareholders": "其他股东未表示放弃优先购买权",
        },
        starting_yuan=900_000,
        announced=60,
        ended=3,
    ),
    Asset(
        key="withdrawn",
        state=_S.WITHDRAWN,
        asset_class=_C.PHYSICAL,
        title="办公家具一批",
        place="湘西 · 州府城区",
        overview="转让方申请撤回，已公告。",
        details={"kind": "goods", "location": "州府城区", "condition": "旧", "encumbrances": "无"},
        starting_yuan=18_000,
    ),
    Asset(
        key="coming",
        state=_S.IN_AUCTION,
        asset_class=_C.OPERATING_RIGHT,
        title="景区电瓶车三年经营权",
        place="湘西 · 西部县城",
        overview="报名已结束，今天稍后开始网上竞价。",
        details=_right("景区电瓶车", "西部景区"),
        starting_yuan=360_000,
        announced=1,
        ended=0.04,
        registrants=("bidder1", "bidder2", "bidder3"),
        opens_in_hours=6,
    ),
    Asset(
        key="review",
        state=_S.REVIEW,
        asset_class=_C.OPERATING_RIGHT,
        title="政务中心便民超市三年经营权",
        place="湘西 · 州府城区",
        overview="竞价已结束，等待对最高报价人的资格审查。",
        details=_right("便民超市", "政务中心一楼"),
        starting_yuan=150_000,
        announced=1,
        ended=0.04,
        registrants=("bidder2", "bidder3", "bidder4"),
        bidders=("bidder2", "bidder3", "bidder4"),
    ),
    Asset(
        key="confirmation",
        state=_S.CONFIRMATION,
        asset_class=_C.OPERATING_RIGHT,
        title="汽车站候车厅广告位三年经营权",
        place="湘西 · 州府城区",
        overview="资格审查已通过，等待竞得人在成交确认书上盖章。",
        details=_right("候车厅广告位", "汽车总站"),
        starting_yuan=210_000,
        announced=1,
        ended=0.04,
        registrants=("bidder1", "bidder2"),
        bidders=("bidder2", "bidder1"),
    ),
    Asset(
        key="contract",
        state=_S.CONTRACT,
        asset_class=_C.OPERATING_RIGHT,
        title="文化馆剧场三年经营权",
        place="湘西 · 沿江老城区",
        overview="成交确认书已由三方盖章，转让方正在编制合同。",
        details=_right("文化馆剧场", "沿江老城区"),
        starting_yuan=95_000,
        announced=1,
        ended=0.04,
        registrants=("bidder3", "bidder4"),
        bidders=("bidder3", "bidder4"),
    ),
    Asset(
        key="payment",
        state=_S.PAYMENT,
        asset_class=_C.OPERATING_RIGHT,
        title="体育馆羽毛球场三年经营权",
        place="湘西 · 开发区",
        overview="合同已由双方盖章，等待竞得人付清价款。",
        details=_right("羽毛球场", "开发区体育馆"),
        starting_yuan=128_000,
        announced=1,
        ended=0.04,
        registrants=("bidder4", "bidder5"),
        bidders=("bidder4", "bidder5"),
    ),
    Asset(
        key="archived",
        state=_S.ARCHIVED,
        asset_class=_C.OPERATING_RIGHT,
        title="农贸市场冷库三年经营权",
        place="湘西 · 北部县城",
        overview="交易已全部完成并归档。",
        details=_right("冷库", "北部县城农贸市场"),
        starting_yuan=76_000,
        announced=1,
        ended=0.04,
        registrants=("bidder5", "bidder2"),
        bidders=("bidder5", "bidder2"),
    ),
)
