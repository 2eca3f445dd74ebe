"""The lots of the demonstration: invented, of all five asset classes, each in the part that it plays.

Texts only. luochui.demo puts them on; the robots (luochui/robots.py) bring each into its phase.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bidding.lots import AssetClass
from bidding.terms import InquiryMode, PriorityMode

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

TRANSFEROR: Final = "甲方示例单位"


class Part(StrEnum):
    """What a lot is there to show."""

    SCHEDULED = "scheduled"
    INQUIRY = "inquiry"
    LIVELY = "lively"
    LONG = "long"
    SUSPENDED = "suspended"
    SOLD = "sold"
    SOLD_TO_VISITOR = "sold_to_visitor"
    BELOW_RESERVE = "below_reserve"
    WITHOUT_BIDS = "without_bids"
    ABORTED = "aborted"


FINISHED: Final = frozenset(
    {Part.SOLD, Part.SOLD_TO_VISITOR, Part.BELOW_RESERVE, Part.WITHOUT_BIDS, Part.ABORTED}
)
"""Parts that are played once and stay; the others get a successor when their lot has ended."""

BY_ROBOTS: Final = frozenset({Part.SOLD, Part.SOLD_TO_VISITOR, Part.BELOW_RESERVE})
"""Over in seconds: the robots put them on themselves, once they are signed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One lot to put on: `opens_in_ms` from now, prices in yuan."""

    lot: str
    part: Part
    asset_class: AssetClass
    title: str
    place: str
    description: str
    starting_yuan: int
    increment_yuan: int
    reserve_yuan: int | None = None
    opens_in_ms: int = 20 * SECOND_MS
    inquiry_ms: int = 240 * SECOND_MS
    window_ms: int = 240 * SECOND_MS
    inquiry_mode: InquiryMode = InquiryMode.PASSIVE
    priority_mode: PriorityMode = PriorityMode.NONE
    ranks: tuple[tuple[str, int], ...] = ()


_HISTORY_INQUIRY_MS: Final = 3 * SECOND_MS
_HISTORY_WINDOW_MS: Final = 12 * SECOND_MS
_NOTE: Final = "\n\n本标的为演示数据：名称、地点和金额均为虚构，不构成任何交易要约。"

LIVELY: Final = Scene(
    lot="XX-SW",
    part=Part.LIVELY,
    asset_class=AssetClass.PHYSICAL,
    title="州直单位公务用车一批（越野车三辆、商务车两辆）",
    place="湘西 · 州府城区",
    description=(
        "公务用车制度改革处置车辆五辆，整体转让，不拆分。\n\n"
        "车辆登记年限六至九年，均在检验有效期内，证照齐全，无抵押、无查封；现状移交，过户费用由受让方承担。\n"
        "看样时间：公告期内工作日上午九时至十一时，地点为州直机关停车场，须提前一日预约。\n"
        "本场询问期较短，随后进入限时竞价：每有新的有效出价，倒计时重新计为四分钟。" + _NOTE
    ),
    starting_yuan=186_000,
    increment_yuan=2_000,
    reserve_yuan=190_000,
    opens_in_ms=18 * SECOND_MS,
    inquiry_ms=20 * SECOND_MS,
)

SCENES: Final[tuple[Scene, ...]] = (
    Scene(
        lot="XX-SW-101",
        part=Part.SCHEDULED,
        asset_class=AssetClass.PHYSICAL,
        title="老城区沿江路临街商铺三间（建筑面积 214.6 平方米）",
        place="湘西 · 沿江老城区",
        description=(
            "一楼临街商铺三间，砖混结构，建筑面积合计 214.6 平方米，不动产权证齐全，整体转让。\n\n"
            "现有租约一份，余期七个月，承租人在同等条件下不行使优先购买权的书面声明已备查；租金自移交之日起归受让方。\n"
            "水、电户名随产权变更，移交前的费用由转让方结清。" + _NOTE
        ),
        starting_yuan=1_680_000,
        increment_yuan=10_000,
        reserve_yuan=1_800_000,
        opens_in_ms=3 * HOUR_MS,
    ),
    Scene(
        lot="XX-ZQ-102",
        part=Part.SCHEDULED,
        asset_class=AssetClass.DEBT,
        title="国有粮油企业应收账款债权一笔（本金 326 万元）",
        place="湘西 · 北部县城",
        description=(
            "转让方对某购销单位享有的应收账款债权，本金 326 万元及至基准日的利息，"
            "已取得生效法律文书，尚未执行完毕。\n\n"
            "有抵押担保：厂房一处，评估价值见附件。债权以现状转让，转让方不对可回收金额作任何承诺。" + _NOTE
        ),
        starting_yuan=900_000,
        increment_yuan=5_000,
        opens_in_ms=2 * DAY_MS,
    ),
    Scene(
        lot="XX-TX-103",
        part=Part.SCHEDULED,
        asset_class=AssetClass.CONCESSION,
        title="城区公共停车泊位二十年特许经营权（412 个泊位）",
        place="湘西 · 州府城区",
        description=(
            "城区十一条道路及两处停车场共 412 个公共泊位的二十年特许经营权，含设施更新义务。\n\n"
            "收费执行政府指导价；特许经营方须在首年完成地磁感应与无感支付改造，期满设施无偿移交。\n"
            "现经营方依原合同享有优先购买权，在竞价中以“同价行使”的方式实现。" + _NOTE
        ),
        starting_yuan=23_000_000,
        increment_yuan=100_000,
        reserve_yuan=25_000_000,
        opens_in_ms=6 * DAY_MS,
        priority_mode=PriorityMode.MATCH,
        ranks=(("bidder3", 1),),
    ),
    Scene(
        lot="XX-GQ-104",
        part=Part.INQUIRY,
        asset_class=AssetClass.EQUITY,
        title="县属农产品加工公司 34% 国有股权",
        place="湘西 · 南部县城",
        description=(
            "转让方持有的某县属农产品加工公司 34% 股权。公司主营猕猴桃、茶叶初加工与冷链仓储，"
            "近三年审计报告可供查阅。\n\n"
            "其他股东已书面放弃优先购买权。职工安置方案经职工代表大会通过，不因股权变更调整劳动关系。\n"
            "本场询问期须逐一确认：未在询问期内确认参加的竞买人不能出价。为便于随时查看，询问期为十二小时。"
            + _NOTE
        ),
        starting_yuan=4_760_000,
        increment_yuan=20_000,
        reserve_yuan=5_000_000,
        inquiry_ms=12 * HOUR_MS,
        inquiry_mode=InquiryMode.CONFIRM,
    ),
    Scene(
        lot="XX-JY-105",
        part=Part.LONG,
        asset_class=AssetClass.OPERATING_RIGHT,
        title="古镇景区游客中心及观光车十年经营权",
        place="湘西 · 古镇景区",
        description=(
            "古镇景区游客中心（1,260 平方米）与电瓶观光车（24 辆）的十年经营权，经营期自移交之日起算。\n\n"
            "票价执行备案价；经营方须保留现有岗位不少于三年，并承担车辆更新。\n"
            "原经营方享有优先购买权，可在竞价中同价行使。为便于随时查看，本场限时竞价的倒计时为十二小时。"
            + _NOTE
        ),
        starting_yuan=3_200_000,
        increment_yuan=20_000,
        inquiry_ms=5 * SECOND_MS,
        window_ms=12 * HOUR_MS,
        priority_mode=PriorityMode.MATCH,
        ranks=(("bidder1", 1),),
    ),
    Scene(
        lot="XX-SW-106",
        part=Part.SUSPENDED,
        asset_class=AssetClass.PHYSICAL,
        title="旧粮库仓房及附属用地（占地 11.3 亩）",
        place="湘西 · 西部乡镇",
        description=(
            "闲置粮库仓房六栋及附属用地，占地 11.3 亩，用途为仓储。仓房按现状移交，须由受让方自行修缮。\n\n"
            "用地性质及规划条件见自然资源主管部门的复函。" + _NOTE
        ),
        starting_yuan=2_450_000,
        increment_yuan=10_000,
        inquiry_ms=DAY_MS,
    ),
    Scene(
        lot="XX-SW-107",
        part=Part.SOLD,
        asset_class=AssetClass.PHYSICAL,
        title="医疗机构淘汰影像设备两台（报废处置）",
        place="湘西 · 州府城区",
        description=(
            "淘汰影像设备两台，不得再作医疗用途；受让方须具备相应的回收资质，并在十五日内自行拆运。" + _NOTE
        ),
        starting_yuan=68_000,
        increment_yuan=1_000,
        reserve_yuan=70_000,
        inquiry_ms=_HISTORY_INQUIRY_MS,
        window_ms=_HISTORY_WINDOW_MS,
    ),
    Scene(
        lot="XX-JY-108",
        part=Part.SOLD,
        asset_class=AssetClass.OPERATING_RIGHT,
        title="体育馆场地及广告位五年经营权",
        place="湘西 · 州府城区",
        description=(
            "体育馆羽毛球、篮球场地及馆内广告位的五年经营权。每周须向公众免费开放不少于十二小时。" + _NOTE
        ),
        starting_yuan=420_000,
        increment_yuan=5_000,
        inquiry_ms=_HISTORY_INQUIRY_MS,
        window_ms=_HISTORY_WINDOW_MS,
        priority_mode=PriorityMode.MATCH,
        ranks=(("bidder4", 1),),
    ),
    Scene(
        lot="XX-SW-112",
        part=Part.SOLD_TO_VISITOR,
        asset_class=AssetClass.PHYSICAL,
        title="机关食堂淘汰厨房设备一批",
        place="湘西 · 州府城区",
        description=(
            "蒸饭车、消毒柜、冷藏柜等二十八件，整体转让，现状移交。本标的已由测试竞买人一竞得，"
            "供演示成交确认书的盖章：用测试竞买人一的账号和 UKey 登录，到“我的办件”办理。" + _NOTE
        ),
        starting_yuan=12_000,
        increment_yuan=200,
        inquiry_ms=_HISTORY_INQUIRY_MS,
        window_ms=_HISTORY_WINDOW_MS,
    ),
    Scene(
        lot="XX-GQ-109",
        part=Part.BELOW_RESERVE,
        asset_class=AssetClass.EQUITY,
        title="小型水电站公司 20% 国有股权",
        place="湘西 · 东部山区",
        description=(
            "装机 2×630 千瓦的径流式小水电站，转让方持有的 20% 股权。已完成生态流量整改并通过验收。" + _NOTE
        ),
        starting_yuan=1_100_000,
        increment_yuan=10_000,
        reserve_yuan=1_600_000,
        inquiry_ms=_HISTORY_INQUIRY_MS,
        window_ms=_HISTORY_WINDOW_MS,
    ),
    Scene(
        lot="XX-ZQ-110",
        part=Part.WITHOUT_BIDS,
        asset_class=AssetClass.DEBT,
        title="经营困难企业债权包（十四户，本金合计 871 万元）",
        place="湘西 · 多个县市",
        description=(
            "十四户债权打包转让，无抵押担保，多数已终结本次执行程序。受让方应自行判断回收可能。" + _NOTE
        ),
        starting_yuan=600_000,
        increment_yuan=5_000,
        inquiry_ms=_HISTORY_INQUIRY_MS,
        window_ms=_HISTORY_WINDOW_MS,
    ),
    Scene(
        lot="XX-TX-111",
        part=Part.ABORTED,
        asset_class=AssetClass.CONCESSION,
        title="乡镇生活污水处理设施特许经营权",
        place="湘西 · 南部乡镇",
        description="三个乡镇的生活污水处理站及管网的特许经营权，期限十五年，按处理水量付费。" + _NOTE,
        starting_yuan=8_800_000,
        increment_yuan=50_000,
        opens_in_ms=5 * DAY_MS,
    ),
)

SUSPENSION_REASON: Final = "收到关于用地界址的书面异议，经核实需补充测绘资料，竞价中止；恢复时间另行公告。"
ABORT_REASON: Final = "主管部门调整了特许经营的实施方案，转让方书面申请终结本次交易。"
ABORT_CONFIRMATION: Final = "经复核，申请材料齐全，同意终结。"
