"""`luochui ukey …`: virtual UKeys are made, shown, plugged in and out; PINs are changed and unlocked.

PINs come from files (or are asked for), never from arguments, which every user of the machine can read.
"""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import SubjectKind
from luochui.commands import ukey_authorize as authorizing
from luochui.services.faults import Repairable
from luochui.settings import Settings, SettingsFaults, load
from signing import SigningError
from signing.seal import Picture
from signing.sm2 import PublicKey
from signing.token import virtual
from signing.token.codes import FOLDER as CODES
from signing.token.codes import CodeBook
from signing.token.port import Pin, TokenContents, TokenError
from signing.token.profiles import VIRTUAL, profile
from signing.token.station import Station, StationToken
from signing.x509 import Certificate

app = typer.Typer(help="UKeys: make virtual ones, look at all, change and unlock PINs.", no_args_is_help=True)

MAX_PIN_FILE: Final = 256
OTHERS: Final = 0o077

Label = Annotated[str, typer.Argument(help="The UKey's label or serial number")]
Folder = Annotated[
    Path | None,
    typer.Option(help="Folder of virtual UKeys (default: LUOCHUI_VUKEY_DIR, or in the data folder)"),
]
Profile = Annotated[str, typer.Option(help="The kind of device (signing/token/profiles.toml)")]
Profiles = Annotated[Path | None, typer.Option(help="A file of profiles of your own")]
PinFile = Annotated[
    Path | None, typer.Option(help="A file (mode 0600) with the PIN; without it the PIN is asked for")
]
NewPinFile = Annotated[Path | None, typer.Option(help="The same for the new PIN")]


def register(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app, name="ukey")


@app.command()
def new(
    label: Annotated[str, typer.Argument(help="What it is called: at most 32 bytes, not taken yet")],
    name: Annotated[str, typer.Option(help="Whom the demonstration certificate and the seal name")] = "",
    pin_file: PinFile = None,
    kind: Annotated[SubjectKind, typer.Option(help="Who that is")] = SubjectKind.ORGANIZATION,
    organization: Annotated[str, typer.Option(help="Of a legal representative")] = "",
    credit_code: Annotated[str, typer.Option(help="Unified social credit code")] = "",
    seal_image: Annotated[Path | None, typer.Option(help="A scan to use instead of a drawn seal")] = None,
    days: Annotated[int, typer.Option(help="How long the certificate is valid")] = 365,
    delivered: Annotated[
        bool, typer.Option("--delivered", help="The PIN must be changed at first use")
    ] = False,
    folder: Folder = None,
) -> None:
    """Make a virtual UKey: a key, and with --name a demonstration certificate and a seal."""
    with _plain_errors():
        settings = load()
        picture = _picture(seal_image)
        pin = _pin(pin_file, "PIN for the new UKey", confirm=True)
        so_pin = virtual.random_so_pin()
        home = _folder(folder, settings)
        info = virtual.create(label, pin=pin, so_pin=so_pin, folder=home, delivered=delivered)
        codes = _codes(settings)
        codes.put(info.serial, so_pin)
        token = virtual.station(home).token(info.serial)
        with _deleted_on_failure(info.serial, home, codes):
            key = token.new_key(pin)
            if name:
                subject = _Subject(name, kind, organization, credit_code, days, picture)
                _certify(token, key, pin, subject, settings)
        _show(token.contents())
        _say(f"Authorization code (unlocks the PIN): kept in {settings.authority / CODES / info.serial}")


@app.command("list")
def listed(profile_name: Annotated[str, typer.Option("--profile")] = VIRTUAL, profiles: Profiles = None,
           folder: Folder = None) -> None:  # fmt: skip
    """All UKeys that are plugged in; virtual ones in the drawer, too."""
    with _plain_errors():
        station = _station(profile_name, profiles, folder)
        plugged = station.tokens()
        for each in plugged:
            _say(_line(each))
        drawer = virtual.ukeys(_folder(folder, load())) if station.profile.is_virtual else ()
        for lying in drawer:
            if not lying.plugged:
                _say(f"{lying.label}  {lying.serial}  not plugged in")
        if not plugged and not drawer:
            _say("No UKeys. `luochui ukey new LABEL --name NAME` makes a virtual one.")


@app.command()
def show(
    label: Label,
    profile_name: Annotated[str, typer.Option("--profile")] = VIRTUAL,
    profiles: Profiles = None,
    folder: Folder = None,
) -> None:
    """What is on a UKey: certificate, seal, dates, how it stands with its PIN."""
    with _plain_errors():
        _show(_station(profile_name, profiles, folder).token(label).contents())


@app.command()
def pin(
    label: Label,
    pin_file: PinFile = None,
    new_pin_file: NewPinFile = None,
    profile_name: Annotated[str, typer.Option("--profile")] = VIRTUAL,
    profiles: Profiles = None,
    folder: Folder = None,
) -> None:
    """Change the PIN."""
    with _plain_errors():
        token = _station(profile_name, profiles, folder).token(label)
        token.change_pin(_pin(pin_file, "PIN"), _pin(new_pin_file, "New PIN", confirm=True))
        _say(f"The PIN of {label} is changed.")


@app.command()
def unlock(
    label: Label,
    new_pin_file: NewPinFile = None,
    code_file: Annotated[
        Path | None, typer.Option(help="A file with the authorization code (default: the kept one)")
    ] = None,
    delivered: Annotated[
        bool, typer.Option("--delivered", help="The PIN must be changed at first use")
    ] = False,
    used: Annotated[
        bool, typer.Option("--used", help="It was unlocked with the last authorization (ukey authorize)")
    ] = False,
    profile_name: Annotated[str, typer.Option("--profile")] = VIRTUAL,
    profiles: Profiles = None,
    folder: Folder = None,
) -> None:
    """Give a UKey a new PIN by its authorization code; its key stays. The code is replaced afterwards."""
    with _plain_errors():
        token = _station(profile_name, profiles, folder).token(label)
        codes = _codes(load())
        if used:
            authorizing.settle(codes, token.info().serial)
        code = _read_pin(code_file) if code_file else codes.get(token.info().serial)
        token.unlock(code, _pin(new_pin_file, "New PIN", confirm=True), delivered=delivered)
        if code_file is None:
            _replace_code(token, codes, code)
        _say(f"{label} is unlocked and has a new PIN.")


@app.command()
def authorize(
    label: Label,
    assistant: Annotated[
        str, typer.Option(help="Public key of the holder's assistant: a file or a text, PEM or base64")
    ],
    origin: Annotated[
        str, typer.Option(help="The platform's address, as the assistant is paired with it")
    ] = "",
    used: Annotated[bool, typer.Option("--used", help="The last authorization was used")] = False,
    unused: Annotated[bool, typer.Option("--unused", help="The last authorization was not used")] = False,
    folder: Folder = None,
) -> None:
    """Make a one-use authorization to unlock a UKey; its holder pastes it into the assistant within a day."""
    with _plain_errors():
        settings = load()
        codes, key = _codes(settings), authorizing.assistant_key(assistant)
        serial = authorizing.serial_of(label, codes, _folder(folder, settings))
        if used:
            authorizing.settle(codes, serial)
        elif not unused:
            authorizing.require_plain_case(codes, serial)
        text = authorizing.authorization(serial, f"解锁 UKey {label}", key, settings, codes, origin)
        typer.echo(f"For UKey {serial} and assistant {key.key_id} only: once, within 24 hours.", err=True)
        _say(text)


@app.command()
def plug(label: Label, folder: Folder = None) -> None:
    """Plug a virtual UKey in."""
    with _plain_errors():
        virtual.plug(label, _folder(folder, load()))
        _say(f"{label} is plugged in.")


@app.command()
def unplug(label: Label, folder: Folder = None) -> None:
    """Pull a virtual UKey out and put it into the drawer."""
    with _plain_errors():
        virtual.unplug(label, _folder(folder, load()))
        _say(f"{label} is pulled out.")


@app.command()
def delete(
    label: Label,
    yes: Annotated[bool, typer.Option("--yes", help="Without a question")] = False,
    folder: Folder = None,
) -> None:
    """Destroy a virtual UKey with its key, for good. Its certificate should be revoked, too."""
    with _plain_errors():
        settings = load()
        home = _folder(folder, settings)
        found = virtual.find(label, home)
        if not yes and not typer.confirm(f"Destroy {found.label} ({found.serial}) and its key for good?"):
            raise typer.Exit(1)
        virtual.delete(found.serial or label, home)
        if found.serial:
            _codes(settings).forget(found.serial)
            _codes(settings).forget(authorizing.next_of(found.serial))
        _say(f"{label} is destroyed. If its certificate is still valid: luochui authority revoke.")


class _Subject:
    """Whom a certificate and a seal are for."""

    def __init__(
        self,
        name: str,
        kind: SubjectKind,
        organization: str,
        credit_code: str,
        days: int,
        picture: Picture | None,
    ) -> None:
        self.name, self.kind, self.organization = name, kind, organization
        self.credit_code, self.days, self.picture = credit_code, days, picture


def _certify(token: StationToken, key: PublicKey, pin: Pin, subject: _Subject, settings: Settings) -> None:
    """A demonstration certificate and its seal, put on the UKey with the certificates above."""
    authority, by = _authority(settings), f"command line: {getpass.getuser()}"
    certificate = authority.issue(
        subject.name,
        key,
        kind=subject.kind,
        organization=subject.organization,
        credit_code=subject.credit_code,
        days=subject.days,
        by=by,
    )
    seal = authority.make_seal(certificate, subject.name, picture=subject.picture, by=by)
    token.store(certificate, seal, _above(authority), pin)


def _authority(settings: Settings) -> DemonstrationAuthority:
    from luochui.processes.authority import open_authority

    return open_authority(settings, settings.authority)


def _above(authority: DemonstrationAuthority) -> tuple[Certificate, ...]:
    from certificates.authority.roles import Role

    return (authority.own(Role.ISSUING), authority.own(Role.ROOT))


@contextmanager
def _deleted_on_failure(serial: str, home: Path, codes: CodeBook) -> Iterator[None]:
    """A UKey that is not finished is of no use, and would be in the way of the next attempt."""
    try:
        yield
    except BaseException:
        virtual.delete(serial, home)
        codes.forget(serial)
        raise


def _replace_code(token: StationToken, codes: CodeBook, used: Pin) -> None:
    """A used code is worth nothing. The next one is on disk before the UKey has it: a stop loses neither."""
    serial, fresh = token.info().serial, virtual.random_so_pin()
    codes.put(authorizing.next_of(serial), fresh)
    token.set_so_pin(used, fresh)
    codes.put(serial, fresh)
    codes.forget(authorizing.next_of(serial))


def _station(profile_name: str, profiles: Path | None, folder: Path | None) -> Station:
    chosen = profile(profile_name, profiles)
    return virtual.station(_folder(folder, load())) if chosen.is_virtual else Station(chosen)


def _folder(folder: Path | None, settings: Settings) -> Path:
    given = os.environ.get(virtual.FOLDER_VARIABLE)
    return folder or (Path(given) if given else settings.ukeys)


def _codes(settings: Settings) -> CodeBook:
    return CodeBook(settings.authority / CODES)


def _picture(path: Path | None) -> Picture | None:
    if path is None:
        return None
    from certificates.seal_image import MAX_BYTES, clean_seal_image

    with path.open("rb") as file:
        picture: Picture = clean_seal_image(file.read(MAX_BYTES + 1))
    return picture


def _pin(path: Path | None, question: str, *, confirm: bool = False) -> Pin:
    if path is not None:
        return _read_pin(path)
    if not sys.stdin.isatty():
        raise TokenError(f"{question}: give a file, there is no terminal to ask at")
    return Pin(typer.prompt(question, hide_input=True, confirmation_prompt=confirm))


def _read_pin(path: Path) -> Pin:
    with path.open(encoding="utf-8") as file:
        text = file.read(MAX_PIN_FILE)
    if (mode := path.stat().st_mode & 0o777) & OTHERS:
        typer.echo(f"Warning: {path} has mode {mode:04o}, others can read the PIN; chmod 600 it.", err=True)
    return Pin(text.splitlines()[0] if text else "")


def _line(each: TokenContents) -> str:
    info = each.info
    if not info.serial:
        return f"{info.label}  cannot be read: {each.problem}"
    subject = each.certificate.subject.common_name if each.certificate else "no certificate"
    until = f"until {each.certificate.valid_until:%Y-%m-%d}" if each.certificate else ""
    seal = f"seal {each.seal.info.seal_id}" if each.seal else "no seal"
    return "  ".join(filter(None, (info.label, info.serial, f"PIN {info.pin_state}", subject, until, seal)))


def _show(each: TokenContents) -> None:
    info = each.info
    _say(f"UKey         {info.label}")
    _say(f"Serial       {info.serial} ({info.manufacturer}, profile {info.profile})")
    _say(f"PIN          {info.pin_state}" + ("; authorization code locked" if info.so_pin_locked else ""))
    _say(f"Key          {each.public_key.key_id if each.public_key else 'none'}")
    if each.certificate:
        _say(f"Certificate  {each.certificate}, {each.certificate.subject.organization}")
        _say(f"             valid {each.certificate.valid_from} to {each.certificate.valid_until}")
    for above in each.chain:
        _say(f"             under {above}")
    if each.seal:
        seal = each.seal.info
        _say(f"Seal         {seal.name} ({seal.seal_id}), valid {seal.valid_from} to {seal.valid_until}")
    if each.problem:
        _say(f"Problem      {each.problem}")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What a person can repair is said in a sentence, with status 1."""
    try:
        yield
    except (SigningError, OSError, SettingsFaults, Repairable) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _say(text: str) -> None:
    typer.echo(text)
