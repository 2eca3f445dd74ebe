"""The port of identity checks, which market subjects use as well: office/identity.py."""

from office.identity import (
    CARD,
    MOBILE,
    PHOTO,
    TRANSFER,
    Answer,
    Asked,
    Failed,
    IdentityFault,
    IdentityProvider,
    Passed,
    ProviderAway,
    Sent,
)

__all__ = [
    "CARD",
    "MOBILE",
    "PHOTO",
    "TRANSFER",
    "Answer",
    "Asked",
    "Failed",
    "IdentityFault",
    "IdentityProvider",
    "Passed",
    "ProviderAway",
    "Sent",
]
