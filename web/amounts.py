"""What is wrong with an amount that somebody typed, in words; the parser is office/money.py."""

from collections.abc import Mapping
from typing import Final

from office.money import AmountFault
from web.languages import N_

_UNREADABLE: Final = N_("请填写金额，例如 1200.50、120万 或 1.5亿，最多到分（两位小数）。")
AMOUNT_FAULTS: Final[Mapping[AmountFault, str]] = {
    AmountFault.MISSING: _UNREADABLE,
    AmountFault.UNREADABLE: _UNREADABLE,
    AmountFault.SEPARATORS: N_("金额里的逗号或空格位置不对：请写成 12,000 或 12000；小数点用“.”。"),
    AmountFault.TOO_PRECISE: N_("金额最多到分：1 元以下最多两位小数。"),
    AmountFault.TOO_SMALL: N_("金额太小：不能是负数，也不能小于 1 分（0.01 元）。"),
    AmountFault.TOO_LARGE: N_(
        "金额太大，超过了平台能处理的最大金额（约 10 万亿元）。请检查是不是多写了“万”或“亿”。"
    ),
}
