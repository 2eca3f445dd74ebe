"""What an announcement says, frozen when it is published: the public part of a listing with its files.

Corrections change the listing; every announcement keeps what it said.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trading.lifecycle.performing import Listing
from trading.listings.files import ListingFile

CORRECTABLE: Final = (
    *("title", "place", "overview", "disclosures", "conditions", "details"),
    *("starting_price", "increment", "max_steps", "valuation"),
)
"""What a correction may change, besides the dates. The reserve is not public and stays; so does the deposit,
for which people have paid, or been told what to pay."""


def snapshot(
    listing: Listing, files: Sequence[ListingFile], changes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The public facts that `perform` does not publish itself; JSON. Never the reserve."""
    changed = changes or {}

    def value(name: str) -> Any:
        return changed.get(name, getattr(listing, name))

    return {
        **{name: value(name) for name in ("overview", "disclosures", "conditions", "max_steps")},
        "details": dict(value("details")),
        "valuation": value("valuation"),
        "transferor": listing.transferor,
        "files": [
            {
                "id": file.id,
                "kind": file.kind.value,
                "name": file.name,
                "size": file.size,
                "digest": file.digest,
            }
            for file in files
            if file.public
        ],
    }


def differences(listing: Listing, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a correction really changes."""
    return {
        name: wanted[name]
        for name in CORRECTABLE
        if name in wanted and wanted[name] != getattr(listing, name)
    }
