"""Fields of a form as a template shows them: of an order, of a market subject's profile."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from certificates.orders.fields import Field, FieldKind, Section
from certificates.orders.masking import masked
from web.certificates.order_words import CHOICES, HINTS, LABELS, SECTIONS
from web.languages import N_
from web.visits import Visit

FROM_PROFILE: Final = N_("来自注册资料；要改，请先改注册资料，再重新申请。")
_TYPES: Final = {FieldKind.MOBILE: "tel", FieldKind.PHONE: "tel", FieldKind.EMAIL: "email"}
_NUMERIC: Final = frozenset({FieldKind.CARD, FieldKind.ACCOUNT})


def sections_of(
    visit: Visit,
    asked: Sequence[Field],
    kept: Mapping[str, str],
    typed: Mapping[str, str],
    fixed: Mapping[str, str],
    more_words: Mapping[str, str] | None = None,
    why: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The fields under their headings, with what was typed or kept, ready for a template.

    `more_words`: labels and choices that orders do not have. `why` a fixed field can't be typed, where it is
    not the profile that decides it; such a field is `shown` as words, numbers of people without their middle.
    """
    labels, choices = {**LABELS, **(more_words or {})}, {**CHOICES, **(more_words or {})}
    found: dict[Section, list[dict[str, Any]]] = {}
    for one in asked:
        value = fixed.get(one.name) or typed.get(one.name, kept.get(one.name, ""))
        found.setdefault(one.section, []).append(
            {
                "name": one.name,
                "label": visit.text(labels[one.name]),
                "hint": visit.text(hint) if (hint := HINTS.get(one.name) or HINTS.get(one.kind)) else "",
                "value": value,
                "fixed": one.name in fixed,
                "shown": visit.text(choices.get(value, value)) if one.options else masked(one.name, value),
                "why": visit.text((why or {}).get(one.name, FROM_PROFILE)),
                "required": one.required,
                "options": [(option, visit.text(choices.get(option, option))) for option in one.options],
                "type": _TYPES.get(one.kind, "text"),
                "attributes": _attributes(one),
            }
        )
    return [{"title": visit.text(SECTIONS[section]), "fields": rows} for section, rows in found.items()]


def _attributes(one: Field) -> dict[str, str | int]:
    found: dict[str, str | int] = {"maxlength": one.longest, "data-check": str(one.kind)}
    if one.kind in _NUMERIC:
        found["inputmode"] = "numeric"
    if one.kind in (FieldKind.DOCUMENT, FieldKind.CREDIT_CODE):
        found |= {"autocapitalize": "characters", "spellcheck": "false"}
    if one.kind is FieldKind.DOCUMENT:
        found["data-document"] = one.name.replace("_number", "_document")
    return found
