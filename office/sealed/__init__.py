"""The link between a person and a lot: who registered, who holds which paddle. Nothing else knows it.

`Sealed` is what may be asked; `Vault` answers where the key is, `SealedClient` asks the process that has it.
"""

from office.sealed.key import SealedKey as SealedKey
from office.sealed.port import *  # noqa: F403
from office.sealed.port import Sealed as Sealed
from office.sealed.port import StillSealed as StillSealed
from office.sealed.vault import Vault as Vault
