"""What is wrong with a form, or missing before submission, in the words of the visit's language."""

from collections.abc import Mapping
from typing import Any, Final

from bidding.lots import AssetClass
from office.money import yuan
from trading.lifecycle.performing import Lacks
from trading.listings.checks import Lack, Shortfall
from trading.listings.fields import FieldKind, fields_of
from trading.listings.file_kinds import FileKind, FileRefused
from trading.listings.reading import Wrong
from web.languages import CHINESE, N_
from web.listings.words import FAULTS, FILE_WRONGS, NEEDS, SHORTFALLS, STEPS
from web.visits import Visit

LABELS: Final[Mapping[str, str]] = {
    "asset_class": N_("资产类别"),
    "method": N_("交易方式"),
    "title": N_("名称"),
    "place": N_("所在地"),
    "starting_price": N_("起始价"),
    "increment": N_("加价幅度"),
    "max_steps": N_("一次最多加几个幅度"),
    "deposit": N_("保证金"),
    "valuation": N_("评估价"),
    "reserve": N_("保留价"),
    "overview": N_("基本概况"),
    "disclosures": N_("重大事项披露"),
    "conditions": N_("交易条件和受让资格"),
}


def errors(visit: Visit, wrong: Mapping[str, Wrong]) -> dict[str, str]:
    return {name: visit.text(FAULTS[each.fault]) % each.facts for name, each in wrong.items()}


def worded(visit: Visit, wrong: Mapping[str, Wrong], asset_class: AssetClass | None = None) -> dict[str, str]:
    """All faults with the names of their fields."""
    labels = {name: visit.text(text) for name, text in LABELS.items()}
    if asset_class is not None:
        labels |= {each["name"]: each["label"] for each in form_fields(visit, asset_class)}
    together = visit.text(N_("%(field)s：%(fault)s"))
    return {
        name: together % {"field": labels.get(name, name), "fault": text}
        for name, text in errors(visit, wrong).items()
    }


def lack_words(visit: Visit, lack: Lack) -> str:
    """What is missing before submission."""
    facts: dict[str, Any] = dict(lack.facts)
    if "amount" in facts:
        facts["count"], facts["amount"] = facts["amount"], yuan(int(facts["amount"]))
    if "label" in facts and visit.locale != CHINESE:
        facts["label"] = facts["label_en"]
    facts["step"] = visit.text(STEPS[lack.step])
    return visit.text(SHORTFALLS[Shortfall(lack.what)]) % facts


def form_fields(visit: Visit, asset_class: AssetClass) -> list[dict[str, Any]]:
    """The fields of a class as the template draws them."""
    english = visit.locale != CHINESE
    return [
        {
            "name": field.input,
            "label": field.label_en if english else field.label,
            "hint": field.hint_en if english else field.hint,
            "unit": _unit(visit, field.kind, field.unit_en if english else field.unit),
            "kind": field.kind.value,
            "required": field.required,
            "longest": field.longest,
            "options": [(value, en if english else zh) for value, zh, en in field.options],
        }
        for field in fields_of(asset_class)
    ]


def _unit(visit: Visit, kind: FieldKind, unit: str) -> str:
    return visit.text(N_("元")) if kind is FieldKind.AMOUNT else unit


def refusal(visit: Visit, refused: FileRefused) -> str:
    """Why a file is not taken."""
    return visit.text(FILE_WRONGS[refused.wrong]) % refused.facts


def need_words(visit: Visit, lacks: Lacks) -> str:
    """Why an act can't be carried out."""
    return visit.text(NEEDS.get(lacks.need, N_("现在还不能这样做。")))


PLACES: Final[Mapping[Shortfall, str]] = {
    Shortfall.OVERVIEW_OPEN: "field-overview",
    Shortfall.DISCLOSURES_OPEN: "field-disclosures",
    Shortfall.DEPOSIT_TOO_LOW: "field-deposit",
    Shortfall.DEPOSIT_TOO_HIGH: "field-deposit",
    Shortfall.INCREMENT_TOO_HIGH: "field-increment",
    Shortfall.STEPS_TOO_HIGH: "field-max_steps",
    Shortfall.PRICES_TOO_HIGH: "field-starting_price",
    Shortfall.RELISTED_TOO_LOW: "field-starting_price",
    Shortfall.RESERVE_TOO_LOW: "field-reserve",
    Shortfall.NO_DECISION: f"kind-{FileKind.DECISION}",
    Shortfall.NO_VALUATION_REPORT: f"kind-{FileKind.VALUATION}",
    Shortfall.NO_PRICE_APPROVAL: f"kind-{FileKind.PRICE_APPROVAL}",
    Shortfall.NO_PICTURE: f"kind-{FileKind.PICTURE}",
}
"""Where in its step something is put right."""


def place_of(lack: Lack) -> str:
    """The end of the address: "#field-deposit", or "" for a whole step."""
    name = f"field-{lack.facts['name']}" if "name" in lack.facts else PLACES.get(lack.what, "")
    return f"#{name}" if name else ""
