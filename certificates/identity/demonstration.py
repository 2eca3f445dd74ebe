"""A provider for demonstrations and tests that fails as real ones do, by what was asked:

    telephone, card or account ending in 0001   the parts do not belong together, the account is refused
    telephone ending in 0002                    no real name is registered for it
    anything ending in 0003                     no answer in time
    an organization without its name, or whose credit code is none: the parts do not belong together
    a person without the number of a document: the parts do not belong together

Everything else is right: there is no register of organizations or persons to compare with. The remark of a
transfer goes to `bank`, where a demonstration shows it.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from office.identifiers import Wrong, credit_code
from office.identity import (
    CARD,
    MOBILE,
    OF_ORGANIZATION,
    OF_PERSON,
    PHOTO,
    Answer,
    Asked,
    Failed,
    IdentityFault,
    Passed,
    ProviderAway,
    Sent,
)

Bank = Callable[[str, str], Awaitable[None]]
"""Takes an account's number and a remark: where the account's owner would read it."""
WRONG, UNREGISTERED, AWAY = "0001", "0002", "0003"
LEAST_PHOTO: Final = 5_000
"""Bytes; a smaller picture of a document can't be read."""


class DemonstrationProvider:
    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    async def check(self, asked: Asked) -> Answer:
        reference = f"DEMO{secrets.token_hex(8)}"
        proof = _proof(asked)
        if proof.endswith(AWAY):
            raise ProviderAway(reference)
        if asked.check in OF_ORGANIZATION and not _named(asked):
            return Failed(reference, IdentityFault.MISMATCH)
        if asked.check in OF_PERSON and not asked.number:
            return Failed(reference, IdentityFault.MISMATCH)
        if asked.check in PHOTO:
            readable = len(asked.photo) >= LEAST_PHOTO
            return Passed(reference) if readable else Failed(reference, IdentityFault.UNREADABLE)
        if asked.check in MOBILE | CARD:
            return self._compared(asked, reference, proof)
        if proof.endswith(WRONG):
            return Failed(reference, IdentityFault.ACCOUNT_REFUSED)
        remark = f"{secrets.randbelow(1_000_000):06d}"
        await self._bank(asked.account, remark)
        return Sent(reference, remark)

    def _compared(self, asked: Asked, reference: str, proof: str) -> Answer:
        if asked.check in MOBILE and proof.endswith(UNREGISTERED):
            return Failed(reference, IdentityFault.NOT_REGISTERED)
        if proof.endswith(WRONG):
            return Failed(reference, IdentityFault.MISMATCH)
        return Passed(reference)


def _named(asked: Asked) -> bool:
    return bool(asked.organization) and not isinstance(credit_code(asked.credit_code), Wrong)


def _proof(asked: Asked) -> str:
    if asked.check in MOBILE:
        return asked.phone
    return asked.card if asked.check in CARD else asked.account
