"""SM3 (GB/T 32905-2016), 32 bytes.

The interpreter's own OpenSSL answers when it has SM3; otherwise libcrypto through ctypes.
Decided once, at import.
"""

import ctypes
import hashlib
from typing import Protocol

from signing import libcrypto

DIGEST_SIZE = 32


def _through_libcrypto(data: bytes) -> bytes:
    lib = libcrypto.library()
    digest = ctypes.create_string_buffer(DIGEST_SIZE)
    libcrypto.check(lib.EVP_Digest(data, len(data), digest, None, lib.EVP_sm3(), None), "SM3")
    return digest.raw


class _Sm3ThroughLibcrypto:
    """SM3 of what comes piece by piece."""

    def __init__(self) -> None:
        self._lib = lib = libcrypto.library()
        self._state = libcrypto.Owned(lib.EVP_MD_CTX_new(), lib.EVP_MD_CTX_free, "SM3")
        libcrypto.check(lib.EVP_DigestInit_ex(self._state, lib.EVP_sm3(), None), "SM3")

    def update(self, data: bytes) -> None:
        libcrypto.check(self._lib.EVP_DigestUpdate(self._state, data, len(data)), "SM3")

    def digest(self) -> bytes:
        """Once, at the end."""
        digest = ctypes.create_string_buffer(DIGEST_SIZE)
        libcrypto.check(self._lib.EVP_DigestFinal_ex(self._state, digest, None), "SM3")
        return digest.raw


class Growing(Protocol):
    """A digest of what comes piece by piece; `digest` is asked for once."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


def _interpreter_has_sm3() -> bool:
    try:
        hashlib.new("sm3")
    except ValueError:  # an OpenSSL built without it, or in FIPS mode
        return False
    return True


if _interpreter_has_sm3():
    _empty = hashlib.new("sm3")

    def sm3(data: bytes) -> bytes:
        """The SM3 digest of `data`. Safe in threads."""
        state = _empty.copy()  # half the time of hashlib.new: no lookup of the algorithm by its name
        state.update(data)
        return state.digest()

    def growing_sm3() -> Growing:
        """The SM3 digest of what is too large to be held at once."""
        return _empty.copy()

else:
    sm3 = _through_libcrypto
    growing_sm3 = _Sm3ThroughLibcrypto
