"""SM2 and SM3, seals, signed documents, tokens, and their verification.

The engine is the system's libcrypto 3 (`sm2`, `sm3`); a second, independent implementation answers only the
question whether a signature holds (`secondopinion`). See docs/adr/0003-sm2-over-libcrypto.md.
"""


class SigningError(Exception):
    """Root of every error that this package raises."""
