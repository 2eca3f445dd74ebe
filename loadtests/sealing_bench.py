"""What a signature through PKCS#11 takes: a row for `make bench`.

    python -m loadtests.sealing_bench

A virtual UKey is made in a temporary folder. Its key does not ask for the PIN each time and the login is done
before the clock starts: the slow derivation of a PIN is what a person waits for, not what the token can do.
"""

import os
import tempfile
from pathlib import Path
from typing import Any, Final

from pkcs11 import Attribute, MechanismFlag
from rich.console import Console

from loadtests.floors.libcrypto import rate, raw
from loadtests.rows import Row, middle, show
from signing.sm2 import PublicKey, encode_signature
from signing.token import virtual
from signing.token.contents import read_point
from signing.token.device import Device
from signing.token.port import Pin
from signing.token.profiles import DeviceProfile, module_path, profile
from signing.token.worker import SM2_CURVE

MESSAGE: Final = b"a message of the usual size of what is signed" * 8
PIN: Final = "135790"
CHEAP: Final = 10


def token_signing(rounds: int = 3, seconds: float = 0.8) -> Row:
    """Signatures a second with a logged-in key through python-pkcs11, beside libcrypto's own calls."""
    virtual_ukey = profile()
    floors, signed = [], []
    with tempfile.TemporaryDirectory() as folder:
        virtual.create("bench", pin=Pin(PIN), so_pin=virtual.random_so_pin(), folder=Path(folder), cost=CHEAP)
        device = _device(virtual_ukey, folder)
        try:
            with device.find("bench").open(rw=True, user_pin=PIN) as session:
                public, private = _key(device, session)
                _check(public, private, device, virtual_ukey)
                for _ in range(rounds):  # in turn, so that both see the same machine
                    floors.append(raw(2 * seconds).sign)
                    signed.append(rate(lambda: private.sign(MESSAGE, mechanism=device.mechanism), seconds))
        finally:
            device.library.finalize()
    return Row(
        "SM2 sign, virtual UKey (PKCS#11)",
        middle(signed),
        "/s",
        middle(floors),
        "ratio >= 0.5",
        ">= 1500/s on the measuring machine",
        "logged in before; floor: libcrypto on a digest that is there, with one context for all",
    )


def _device(chosen: DeviceProfile, folder: str) -> Device:
    """In this process: the module reads the folder from the environment."""
    os.environ[virtual.FOLDER_VARIABLE] = folder
    numbers = {
        "key_type": chosen.key_type,
        "key_generation": chosen.key_generation,
        "mechanism": chosen.mechanism,
    }
    return Device(str(module_path()), numbers)


def _key(device: Device, session: Any) -> tuple[Any, Any]:
    curve = session.create_domain_parameters(device.key_type, {Attribute.EC_PARAMS: SM2_CURVE}, local=True)
    pair: tuple[Any, Any] = curve.generate_keypair(
        store=True,
        capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        mechanism=device.generation,
        private_template={Attribute.SIGN: True},
    )
    return pair


def _check(public: Any, private: Any, device: Device, chosen: DeviceProfile) -> None:
    """What is measured is right. Raises RuntimeError."""
    key = PublicKey(read_point(public[Attribute.EC_POINT], chosen))
    both = private.sign(MESSAGE, mechanism=device.mechanism)
    signature = encode_signature(int.from_bytes(both[:32]), int.from_bytes(both[32:]))
    if not key.verify(MESSAGE, signature):
        raise RuntimeError("the UKey's signature does not verify")


if __name__ == "__main__":
    show([token_signing()], Console())
