"""Object identifiers that asn1crypto does not know, and the form in which algorithms are named."""

from typing import Any, Final

from asn1crypto import algos

SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
SM3: Final = "1.2.156.10197.1.401"

CREDIT_CODE: Final = "1.2.156.10260.4.4.4"
"""GM/T 0015: the unified social credit code (统一社会信用代码) of the subject, a PrintableString."""
PERSON_ID: Final = "1.2.156.10260.4.1.1"
"""GM/T 0015: the identity of a person: [0] resident's number, [1] officer's number, [2] passport."""

CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"

_SM2_WITH_SM3: Final = {
    bytes.fromhex("300a06082a811ccf55018375"),
    bytes.fromhex("300c06082a811ccf550183750500"),
}


def sm2_with_sm3() -> Any:
    """The algorithm identifier that we write: without parameters (GM/T 0015)."""
    return algos.SignedDigestAlgorithm({"algorithm": SM2_WITH_SM3})


def require_sm2_with_sm3(algorithm: Any) -> None:
    """Raise ValueError unless it names SM2 with SM3, with NULL parameters or none."""
    if algorithm.dump() not in _SM2_WITH_SM3:
        raise ValueError(f"signed by {algorithm['algorithm'].dotted}, not by SM2 with SM3 as it is written")
