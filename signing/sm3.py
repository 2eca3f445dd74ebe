"""SM3 (GB/T 32905-2016), 32 bytes.

The interpreter's own OpenSSL answers when it has SM3; otherwise libcrypto through ctypes.
Decided once, at import.
"""

import ctypes
import hashlib

from signing import libcrypto

DIGEST_SIZE = 32


def _through_libcrypto(data: bytes) -> bytes:
    lib = libcrypto.library()
    digest = ctypes.create_string_buffer(DIGEST_SIZE)
    libcrypto.check(lib.EVP_Digest(data, len(data), digest, None, lib.EVP_sm3(), None), "SM3")
    return digest.raw


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

else:
    sm3 = _through_libcrypto
