"""The link between a person and a lot: who registered, who holds which paddle. Nothing else knows it.

`Sealed` is what may be asked; `Vault` answers where the key is, `SealedClient` asks the process that has it.
"""

from office.sealed.clear import account_after_close as account_after_close
from office.sealed.clear import check as check
from office.sealed.clear import import_qualified as import_qualified
from office.sealed.clear import lots_of as lots_of
from office.sealed.clear import names_after_close as names_after_close
from office.sealed.clear import paddle_of as paddle_of
from office.sealed.clear import qualified as qualified
from office.sealed.key import SealedKey as SealedKey
from office.sealed.port import *  # noqa: F403
from office.sealed.port import Sealed as Sealed
from office.sealed.port import StillSealed as StillSealed
from office.sealed.vault import Vault as Vault
