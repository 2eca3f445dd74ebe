"""What is shown of names and numbers wherever they are not typed: enough to know one's own."""

from typing import Final

PERSONAL: Final = frozenset(
    {"representative_number", "applicant_number", "operator_number", "representative_card", "applicant_card"}
    | {"operator_card", "account_number", "representative_phone", "applicant_phone", "operator_phone"}
)
"""Shown masked wherever they are not typed."""


def masked(name: str, value: str) -> str:
    """Enough of a number to know one's own; other fields as they are."""
    return masked_number(value) if name in PERSONAL else value


def masked_number(value: str) -> str:
    """430105********1234; +86138****5678; short ones keep two at the end."""
    if value.startswith("+86") and len(value) == 14:
        return f"{value[3:6]}****{value[-4:]}"
    if len(value) >= 15:
        return f"{value[:6]}{'*' * (len(value) - 10)}{value[-4:]}"
    return f"{'*' * max(0, len(value) - 2)}{value[-2:]}"


def masked_name(name: str) -> str:
    """测*: the first character and a star."""
    return f"{name[:1]}*" if name else ""
