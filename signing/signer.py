"""What signs: a key in memory (`sm2.PrivateKey`) and a key on a UKey look alike to everything above."""

from typing import Protocol

from signing.sm2 import PublicKey


class Signer(Protocol):
    """Holds, or reaches, one private key."""

    @property
    def public_key(self) -> PublicKey:
        """The half that everybody may have."""

    def sign(self, message: bytes) -> bytes:
        """DER {r, s} over SM3(Z || message), user ID 1234567812345678."""
