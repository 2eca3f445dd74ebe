"""SM2 and SM3, seals, signed documents, tokens, and their verification.

The engine is the system's libcrypto 3 (`sm2`, `sm3`); a second, independent implementation answers only the
question whether a signature holds (`secondopinion`). See docs/adr/0003-sm2-over-libcrypto.md.

Certificates: `issuing` makes them, `x509` reads them, `chain.check_certificate` decides about trust.
Seals: `seal.make_seal`, `seal_signature.sign_with_seal`, `seal_check.check_seal_signature`, `seal_picture`.
docs/seals.md shows all of it on one page.
"""


class SigningError(Exception):
    """Root of every error that this package raises."""
