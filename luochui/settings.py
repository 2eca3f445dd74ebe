"""Everything that can be set from outside, read from the environment and checked at once.

All variables begin with LUOCHUI_, except DATABASE_URL and REDIS_URL, which keep the names that hosting
platforms give them. `load()` reports all faults together: a person who starts the program should not
have to repair one variable per attempt.
"""

import difflib
import ipaddress
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from luochui.services.faults import Repairable
from office.banking import notifications

PREFIX = "LUOCHUI_"
OF_OTHERS = {
    *(f"LUOCHUI_ASSISTANT_{name}" for name in ("DIR", "OPEN", "DEMO", "PROFILE", "PROFILE_FILE")),
    *(f"LUOCHUI_VUKEY_{name}" for name in ("DIR", "COST")),
}
"""Settings of the assistant and of the virtual UKey, which read them themselves."""
BARE_NAMES = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL"}
HIGHEST_PORT = 65_535

Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT)]
Milliseconds = Annotated[int, Field(ge=1, le=86_400_000)]


def default_data_folder() -> Path:
    """The folder of this account; for root /var/lib/luochui, since the services run as another account then
    and /root is closed to it."""
    if os.geteuid() == 0:
        return Path("/var/lib/luochui")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "luochui"


class Settings(BaseSettings):
    """The settings of one installation. Times in ms unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, populate_by_name=True, extra="ignore")

    # Where it is
    host: str = "127.0.0.1"
    port: Port = 8000
    data: Path = Field(default_factory=default_data_folder)
    gateways: Annotated[int, Field(ge=1, le=64)] = 2
    closers: Annotated[int, Field(ge=1, le=8)] = 2
    gateway_urls: Annotated[tuple[str, ...], NoDecode] = ()
    origins: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    demo: bool = False
    authority_port: Port | None = None
    authorities: Path | None = None
    sealed_socket: Path | None = None

    # Servers; without them the embedded ones are started
    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("DATABASE_URL", "database_url")
    )
    redis_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("REDIS_URL", "redis_url"))
    service_account: str = "nobody"

    # Secrets; what is not given is made and kept in the data folder
    session_secret: SecretStr | None = None
    data_secret: SecretStr | None = None
    postgres_password: SecretStr | None = None
    valkey_password: SecretStr | None = None

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"

    # The live auction: the outage-fair clock (shared/spec: auction)
    partitions: Annotated[int, Field(ge=1, le=100)] = 16
    tolerance_ms: Milliseconds = 1_000
    probe_ms: Milliseconds = 250
    steady_ms: Milliseconds = 5_000
    resume_after_ms: Milliseconds = 60_000
    ledger_lag_limit_ms: Milliseconds = 30_000
    lapsed_lease_is_outage: bool = True

    # What one gateway lets through
    gateway_connections: Annotated[int, Field(ge=1, le=200_000)] = 20_000
    gateway_connections_per_address: Annotated[int, Field(ge=1, le=200_000)] = 500
    bids_per_second: Annotated[float, Field(gt=0, le=1_000)] = 5.0
    bid_burst: Annotated[int, Field(ge=1, le=1_000)] = 10
    bid_requires_ukey: bool = True

    # Rehearsals: of one bidder within 24 hours (0: none), and the bidding window
    rehearsals_per_day: Annotated[int, Field(ge=0, le=50)] = 10
    rehearsal_window_s: Annotated[int, Field(ge=3, le=600)] = 60

    # UKeys and seals
    trust_folder: Path | None = None
    tsa_url: str | None = None
    files: str | None = None
    platform_name: str = "落槌国有资产网上拍卖平台"
    platform_ukey: str | None = None
    platform_ukey_profile: str = "virtual"
    platform_ukey_profiles: Path | None = None
    platform_pin_file: Path | None = None
    assistant_port: Port = 17_161

    # Messages; without them only the site tells
    smtp_host: str | None = None
    smtp_port: Port = 587
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_sender: str | None = None
    sms_url: str | None = None
    sms_key_id: str = ""
    sms_secret: SecretStr | None = None
    sms_signature: str | None = None
    hotline: str = ""
    bank_keys: SecretStr | None = None

    # Operations
    log_keep_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    backup_folder: Path | None = None
    disk_alarm_mb: Annotated[int, Field(ge=1, le=10_000_000)] = 1_024
    ready_within_s: Annotated[int, Field(ge=1, le=3_600)] = 60

    @field_validator("gateway_urls", "origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Lists come as JSON or separated by commas."""
        if not isinstance(value, str):
            return value
        text = value.strip()
        parts = json.loads(text) if text.startswith("[") else text.split(",")
        return tuple(str(part).strip() for part in parts if str(part).strip())

    @field_validator("database_url", "redis_url", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator(
        "data",
        "sealed_socket",
        "backup_folder",
        "trust_folder",
        "platform_ukey_profiles",
        "platform_pin_file",
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
        try:
            return Path(os.path.abspath(value.expanduser()))
        except RuntimeError as unknown:  # "~somebody" whom this machine does not know
            raise ValueError("this account has no home folder here") from unknown

    @property
    def keys(self) -> Path:
        """Where the private keys of the platform lie (0700): the ledger writer's, and the web's for jobs."""
        return self.data / "keys"

    @property
    def ukeys(self) -> Path:
        """Virtual UKeys, for demonstration and training."""
        return self.data / "ukeys"

    @property
    def platform_ukeys(self) -> Path:
        """The platform's own virtual UKey: in no folder that a bidder's assistant looks into."""
        return self.data / "platform-ukey"

    @property
    def authority(self) -> Path:
        """The demonstration's certificate authority."""
        return self.data / "authority"

    def trust(self) -> Path:
        """Whose certificates and seals are trusted: root*.pem, issuing*.pem, maker*.pem and *.crl."""
        return self.trust_folder or self.authority

    def kept_files(self) -> str | Path:
        """Where documents are kept: a folder, or a store's URL."""
        return self.files or self.data / "files"

    def authority_port_used(self) -> int:
        """Its own loopback port: given, or away from the gateways."""
        if self.authority_port is not None:
            return self.authority_port
        return self.port + 90 if self.port + 90 <= HIGHEST_PORT else self.port - 90

    def authority_address(self) -> str:
        """Where its lists, OCSP and time stamps are; stands in the certificates that it issues."""
        return f"http://127.0.0.1:{self.authority_port_used()}"

    def gateway_port(self, index: int) -> int:
        """The web listens on `port`, gateway 0 on the next one, and so on."""
        return self.port + 1 + index

    def gateway_addresses(self) -> tuple[str, ...]:
        """What a browser connects to: the public URLs when given, else this machine's own."""
        if self.gateway_urls:
            return self.gateway_urls
        host = self.browser_host()
        return tuple(f"ws://{host}:{self.gateway_port(index)}" for index in range(self.gateways))

    def browser_host(self) -> str:
        """The host as it stands in a URL: a wildcard becomes loopback, an IPv6 address gets brackets."""
        if self.host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            return "127.0.0.1"
        return f"[{self.host}]" if ":" in self.host else self.host

    def address(self) -> str:
        return f"http://{self.browser_host()}:{self.port}"

    def required_database_url(self) -> str:
        """The resolved URL; a process that runs under `luochui up` always has it."""
        if self.database_url is None:
            raise MissingSetting("DATABASE_URL", "this command needs a running database")
        return self.database_url.get_secret_value()

    def sqlalchemy_url(self) -> str:
        """The same database for SQLAlchemy and SQLModel, which name the driver in the URL."""
        _scheme, rest = self.required_database_url().split("://", 1)
        return f"postgresql+psycopg://{rest}"

    def required_redis_url(self) -> str:
        if self.redis_url is None:
            raise MissingSetting("REDIS_URL", "this command needs a running Redis or Valkey")
        return self.redis_url.get_secret_value()

    def required_session_secret(self) -> str:
        if self.session_secret is None:
            raise MissingSetting("LUOCHUI_SESSION_SECRET", "`luochui up` makes one for its processes")
        return self.session_secret.get_secret_value()

    def required_data_secret(self) -> str:
        """Of the boxes of personal data; of installations that set none, the session secret's."""
        if self.data_secret is None:
            return self.required_session_secret()
        return self.data_secret.get_secret_value()

    def environment(self) -> dict[str, str]:
        """These settings as variables for a child process, secrets included: never on a command line."""
        shown = {name: _as_text(getattr(self, name)) for name in type(self).model_fields}
        return {variable(name): text for name, text in shown.items() if text is not None}


class MissingSetting(Repairable):
    """A setting without which a command cannot work."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} is not set: {why}.")
        self.name = name


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, in words for the person who set it."""

    variable: str
    wrong: str
    example: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.wrong}. Example: {self.example}"


class SettingsFaults(Exception):
    """All that is wrong with the settings, together."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def variable(name: str) -> str:
    """The environment variable of a field."""
    return BARE_NAMES.get(name, PREFIX + name.upper())


EXAMPLES = {
    "host": "127.0.0.1",
    "port": "8000",
    "data": "/var/lib/luochui",
    "gateways": "2",
    "closers": "2",
    "gateway_urls": "wss://bid1.example.cn,wss://bid2.example.cn",
    "origins": "https://auction.example.cn",
    "trusted_proxies": "127.0.0.1,10.1.0.0/24",
    "demo": "0",
    "authority_port": "8090",
    "authorities": "/etc/luochui/authorities.toml",
    "sealed_socket": "/run/luochui/sealed.sock",
    "database_url": "postgresql://luochui:PASSWORD@127.0.0.1:5432/luochui",
    "redis_url": "redis://:PASSWORD@127.0.0.1:6379/0",
    "service_account": "nobody",
    "session_secret": "64 random characters",
    "data_secret": "64 random characters",
    "postgres_password": "32 random characters",
    "valkey_password": "32 random characters",
    "log_level": "info",
    "log_format": "json",
    "partitions": "16",
    "tolerance_ms": "1000",
    "probe_ms": "250",
    "gateway_connections": "20000",
    "gateway_connections_per_address": "500",
    "bids_per_second": "5",
    "bid_burst": "10",
    "bid_requires_ukey": "1",
    "rehearsals_per_day": "10",
    "rehearsal_window_s": "60",
    "steady_ms": "5000",
    "resume_after_ms": "60000",
    "ledger_lag_limit_ms": "30000",
    "lapsed_lease_is_outage": "1",
    "trust_folder": "/etc/luochui/trust",
    "tsa_url": "http://tsa.example.cn/tsa",
    "files": "s3://bucket/luochui",
    "platform_name": "示例市国有资产网上拍卖平台",
    "platform_ukey": "platform",
    "platform_ukey_profile": "sansec",
    "platform_ukey_profiles": "/etc/luochui/ukeys.toml",
    "platform_pin_file": "/etc/luochui/platform.pin",
    "assistant_port": "17161",
    "smtp_host": "smtp.example.cn",
    "smtp_port": "587",
    "smtp_tls": "starttls",
    "smtp_user": "auction",
    "smtp_password": "the account's password",
    "smtp_sender": "auction@example.cn",
    "sms_url": "https://sms.example.cn/v1/messages",
    "sms_key_id": "auction",
    "sms_secret": "32 random characters",
    "sms_signature": "示例市公共资源交易中心",
    "bank_keys": "shifan=32 random characters or more",
    "hotline": "0743-0000000（工作日 9:00–17:00）",
    "log_keep_days": "30",
    "backup_folder": "/var/backups/luochui",
    "disk_alarm_mb": "1024",
    "ready_within_s": "60",
}


def load() -> Settings:
    """Read the environment; raises SettingsFaults with everything that is wrong in it."""
    faults = _misspelled(os.environ)
    try:
        settings = Settings()
    except ValidationError as error:
        bad = {_field_of(item["loc"]): _plain(item["type"], item["msg"]) for item in error.errors()}
        faults += [_fault(name, wrong) for name, wrong in bad.items()]
        # The faulty ones at their defaults, so that contradictions among the others are found as well.
        defaults: dict[str, Any] = {name: _default(name) for name in bad}
        settings = Settings(**defaults)
    faults += contradictions(settings)
    if faults:
        raise SettingsFaults(faults)
    return settings


def contradictions(settings: Settings) -> list[Fault]:
    """What is wrong although each value is possible by itself."""
    faults = []
    if settings.port + settings.gateways > HIGHEST_PORT:
        faults.append(
            _fault("port", f"{settings.gateways} gateways listen above it, past port {HIGHEST_PORT}")
        )
    if settings.port <= settings.authority_port_used() <= settings.port + settings.gateways:
        faults.append(_fault("authority_port", "the web or a gateway listens there"))
    if settings.demo and not _is_loopback(settings.host):
        faults.append(
            _fault("host", "the demonstration has public passwords and listens on this machine only")
        )
    if settings.tolerance_ms < 2 * settings.probe_ms:
        faults.append(
            _fault(
                "tolerance_ms",
                f"it is less than two probes ({settings.probe_ms} ms each): noise would be an outage",
            )
        )
    if settings.gateway_urls and len(settings.gateway_urls) < settings.gateways:
        faults.append(
            _fault("gateway_urls", f"{len(settings.gateway_urls)} addresses for {settings.gateways} gateways")
        )
    faults += _url_faults(settings)
    faults += _proxy_faults(settings)
    faults += _secret_faults(settings)
    faults += _ukey_faults(settings)
    faults += _message_faults(settings)
    faults += _bank_faults(settings)
    return faults


def _bank_faults(settings: Settings) -> list[Fault]:
    try:
        notifications.read_keys(settings.bank_keys.get_secret_value() if settings.bank_keys else "")
    except ValueError as wrong:
        return [_fault("bank_keys", str(wrong))]
    return []


def _message_faults(settings: Settings) -> list[Fault]:
    faults = []
    if settings.smtp_host is not None and "@" not in (settings.smtp_sender or ""):
        faults.append(_fault("smtp_sender", "e-mail needs the address that it comes from"))
    if settings.smtp_user is not None and settings.smtp_tls == "none":
        faults.append(_fault("smtp_tls", "a password is not sent without TLS"))
    if settings.sms_url is not None and settings.sms_secret is None:
        faults.append(_fault("sms_secret", "requests to the SMS gateway are signed with it"))
    if settings.sms_url is not None and not settings.sms_url.startswith(("https://", "http://127.0.0.1:")):
        faults.append(_fault("sms_url", "it has to begin with https://"))
    return faults


def _ukey_faults(settings: Settings) -> list[Fault]:
    faults = []
    if settings.bid_requires_ukey and settings.origins and not _ukeys_work(settings.origins[0]):
        faults.append(
            _fault(
                "origins",
                "UKeys work with https only, so nobody could bid (or set LUOCHUI_BID_REQUIRES_UKEY=0)",
            )
        )
    if settings.platform_ukey and settings.platform_pin_file is None:
        faults.append(_fault("platform_pin_file", "the platform's UKey needs its PIN, in a file (0600)"))
    if settings.tsa_url and not settings.tsa_url.startswith(("http://", "https://")):
        faults.append(_fault("tsa_url", "it has to begin with http:// or https://"))
    return faults


def _url_faults(settings: Settings) -> list[Fault]:
    allowed = {
        "database_url": (_one(settings.database_url), ("postgresql://", "postgres://")),
        "redis_url": (_one(settings.redis_url), ("redis://", "rediss://")),
        "gateway_urls": (settings.gateway_urls, ("ws://", "wss://")),
        "origins": (settings.origins, ("http://", "https://")),
    }
    return [
        _fault(name, f"it has to begin with {' or '.join(schemes)}")
        for name, (urls, schemes) in allowed.items()
        if any(not url.startswith(schemes) for url in urls)
    ]


def _proxy_faults(settings: Settings) -> list[Fault]:
    """Whoever is trusted here may say who a visitor is: only what was named exactly."""
    faults = []
    for proxy in settings.trusted_proxies:
        try:
            everybody = ipaddress.ip_network(proxy).prefixlen == 0
        except ValueError:
            faults.append(_fault("trusted_proxies", f"{proxy!r} is neither an address nor a network"))
            continue
        if everybody:
            faults.append(_fault("trusted_proxies", f"{proxy} would let every visitor choose an address"))
    return faults


def _secret_faults(settings: Settings) -> list[Fault]:
    shortest = {"session_secret": 32, "data_secret": 32, "postgres_password": 16, "valkey_password": 16}
    return [
        _fault(name, f"it is shorter than {length} characters")
        for name, length in shortest.items()
        if (secret := getattr(settings, name)) is not None and len(secret.get_secret_value()) < length
    ]


def _one(secret: SecretStr | None) -> tuple[str, ...]:
    return () if secret is None else (secret.get_secret_value(),)


def _ukeys_work(origin: str) -> bool:
    """Whether assistants speak with pages of this address."""
    parts = urlsplit(origin)
    return parts.scheme == "https" or _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _misspelled(environ: Mapping[str, str]) -> list[Fault]:
    """Variables that look like ours and are not, but nearly: a typing error would be ignored in silence."""
    known = {variable(name) for name in Settings.model_fields}
    faults = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known | OF_OTHERS:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.88)
        if near:
            faults.append(
                Fault(name, f"there is no such setting; {near[0]} is meant perhaps", f"{near[0]}=…")
            )
    return faults


def _field_of(location: tuple[int | str, ...]) -> str:
    head = str(location[0])
    return {bare: name for name, bare in BARE_NAMES.items()}.get(head, head)


def _default(name: str) -> object:
    return Settings.model_fields[name].get_default(call_default_factory=True, validated_data={})


def _fault(name: str, wrong: str) -> Fault:
    return Fault(variable(name), wrong, f"{variable(name)}={EXAMPLES[name]}")


def _plain(kind: str, message: str) -> str:
    """pydantic's sentence without its value, which may be a secret."""
    match kind:
        case "int_parsing" | "int_type" | "int_from_float":
            return "it has to be a whole number"
        case "bool_parsing" | "bool_type":
            return "it has to be 1 or 0"
        case _:
            return message.replace("Input should be", "it has to be").rstrip(".")


def _as_text(value: object) -> str | None:
    match value:
        case None:
            return None
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return "1" if value else "0"
        case tuple():
            return json.dumps(value)
        case _:
            return str(value)
