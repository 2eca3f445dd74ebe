"""Reasons for refusing an item at the desk, ready to choose: data, per item, channel and business.

Kept as versions beside the channels: administrators change them. What a clerk chose stands with the order as
it was said, whatever is published later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from certificates.catalogue.bounds import Key
from certificates.catalogue.ordering import Document
from certificates.catalogue.scope import Case, Scope

LONGEST_REASON: Final = 120
SECTIONS: Final = frozenset(
    {"product", "organization", "representative", "applicant", "operator", "account", "delivery", "invoice"}
)
"""The parts of the form that are judged (certificates.orders.fields.Section)."""
ITEMS: Final = SECTIONS | {str(document) for document in Document}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(Scope):
    """`items`: documents or sections that it can be said of; empty: any. `channels`: empty: all."""

    key: Key
    text: Annotated[str, Field(min_length=4, max_length=LONGEST_REASON)]
    items: tuple[str, ...] = ()
    channels: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonList:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reasons: Annotated[tuple[Reason, ...], Field(min_length=1, max_length=200)]


def for_item(reasons: Iterable[Reason], channel: str, case: Case, item: str) -> Sequence[Reason]:
    """What can be said of a document or section of this business, in the list's order."""
    return [
        one
        for one in reasons
        if (not one.items or item in one.items)
        and (not one.channels or channel in one.channels)
        and one.covers(case)
    ]
