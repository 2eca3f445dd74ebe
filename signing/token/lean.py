"""What the worker leaves out at its start.

The worker starts anew for each operation, so its start is most of what one costs. python-pkcs11 imports its
helpers for RSA, DSA and X.509, and with them asn1crypto, in every process; the worker calls none of them.
"""

import sys
from types import ModuleType
from typing import Final

HELPERS: Final = ("dh", "dsa", "ec", "rsa", "x509")


def leave_out() -> None:
    """Before the first `import pkcs11`, in a process that does nothing but one operation of the worker."""
    for name in HELPERS:
        sys.modules[f"pkcs11.util.{name}"] = ModuleType(f"pkcs11.util.{name}")
