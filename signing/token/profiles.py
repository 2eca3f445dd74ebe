"""Device profiles: the numbers and habits of a kind of UKey. profiles.toml documents each field.

profile = load()["virtual"]
profile = load(Path("ours.toml"))["ours"]
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from signing.token.port import TokenError

BUILT_IN: Final = Path(__file__).with_name("profiles.toml")
MAX_FILE: Final = 65_536
VIRTUAL: Final = "virtual"
_HIGHEST_NUMBER: Final = 0xFFFF_FFFF


class ProfileError(TokenError):
    """A file of profiles that cannot be used, or a profile that does not exist."""

    code = "profile"


class Hashing(StrEnum):
    """Where SM3(Z || message) is made."""

    TOKEN = "token"  # noqa: S105 (no password)
    HOST = "host"


class SignatureFormat(StrEnum):
    """What the device gives back."""

    RS = "rs"
    DER = "der"


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """One kind of device. Numbers are those of its PKCS#11 library."""

    name: str
    title: str
    module: str
    """A path; `virtual` for the module that comes with this program; empty when it has to be given."""
    signing: int
    raw_signing: int
    hashing: Hashing
    key_generation: int
    key_type: int
    signature_format: SignatureFormat
    pin_tries: int
    pin_per_signature: bool
    point_wrapped: bool
    seal_label: str

    @property
    def is_virtual(self) -> bool:
        """Whether its tokens are files."""
        return self.module == VIRTUAL

    @property
    def mechanism(self) -> int:
        """The one that signs."""
        return self.signing if self.hashing is Hashing.TOKEN else self.raw_signing


def module_path() -> Path:
    """The virtual UKey's PKCS#11 module. It exists once the package is built (`make native` in the tree)."""
    return Path(__file__).parents[1] / "vukey" / "luochui-vukey.so"


def load(path: Path | None = None) -> Mapping[str, DeviceProfile]:
    """The profiles that come with the program, with those of `path` over them. Raises ProfileError."""
    tables = _tables(BUILT_IN)
    if path is not None:
        tables |= _tables(path)
    return MappingProxyType({name: _read(name, tables) for name in tables})


def profile(name: str = VIRTUAL, path: Path | None = None) -> DeviceProfile:
    """One profile. Raises ProfileError."""
    known = load(path)
    if name not in known:
        raise ProfileError(f"there is no profile {name}; known are {', '.join(sorted(known))}")
    return known[name]


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1).decode()
        tables = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ProfileError(f"{path}: {error}") from error
    if len(text) > MAX_FILE:
        raise ProfileError(f"{path}: longer than {MAX_FILE} bytes")
    if odd := [name for name, table in tables.items() if not isinstance(table, dict)]:
        raise ProfileError(f"{path}: {odd[0]} is no table; a profile begins with [name]")
    return tables


def _read(name: str, tables: Mapping[str, Mapping[str, Any]]) -> DeviceProfile:
    table = dict(tables[name])
    seen = {name}
    while "like" in table:
        other = str(table.pop("like"))
        if other in seen or other not in tables:
            raise ProfileError(f"profile {name}: like = {other!r} leads nowhere")
        seen.add(other)
        table = {**tables[other], **table}
    return DeviceProfile(**_checked(name, table))


def _checked(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {field.name: field.type for field in fields(DeviceProfile) if field.name != "name"}
    if unknown := set(table) - set(kinds):
        raise ProfileError(f"profile {name}: {sorted(unknown)[0]} is no field of a profile")
    if missing := set(kinds) - set(table):
        raise ProfileError(f"profile {name}: {sorted(missing)[0]} is missing")
    return {"name": name, **{key: _value(name, key, kinds[key], table[key]) for key in kinds}}


def _value(name: str, key: str, kind: Any, value: Any) -> Any:
    try:
        if issubclass(kind, StrEnum):
            return kind(value)
    except ValueError:
        raise ProfileError(f"profile {name}: {key} is one of {', '.join(kind)}") from None
    if type(value) is not kind:
        raise ProfileError(f"profile {name}: {key} has to be of type {kind.__name__}")
    if kind is int and not 0 <= value <= _HIGHEST_NUMBER:
        raise ProfileError(f"profile {name}: {key} is out of range")
    return value
