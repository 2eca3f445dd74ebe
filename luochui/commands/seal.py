"""`luochui seal`: a document, a UKey, and out comes the sealed document. PDF and OFD, any PKCS#11 profile."""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from luochui.commands.seal_check import check_before
from luochui.services.faults import Repairable
from luochui.settings import Settings, SettingsFaults, load
from signing import SigningError
from signing.documents import (
    MAX_DOCUMENT,
    At,
    DocumentKind,
    Named,
    Place,
    Straddle,
    kind_of,
    seal_document,
)
from signing.layout import layout_of
from signing.pdf.places import PlaceToMake, with_places
from signing.seal import Picture
from signing.timestamp import stamp_over_http
from signing.token import virtual
from signing.token.port import NoCertificate, NoSeal, Pin, TokenContents
from signing.token.profiles import profile as profile_named
from signing.token.station import Station, TokenSigner

MAX_PIN_FILE: Final = 256
NONE: Final = "none"
_NUMBER: Final = r"\d{1,4}(?:\.\d{1,3})?"
_AT: Final = re.compile(rf"(\d{{1,3}}):({_NUMBER}):({_NUMBER})")
_STRADDLE: Final = re.compile(rf"straddle(?::({_NUMBER}))?")
_RESERVED: Final = re.compile(
    rf"([^=:.]{{1,100}})=(\d{{1,3}}):({_NUMBER}):({_NUMBER})(?:(:straddle)(?::({_NUMBER}))?)?"
)
_MARGIN_MM: Final = 30.0


class NotSealed(Repairable):
    """The document was not sealed."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("seal")(seal)


def seal(
    document: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="PDF or OFD")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="Where the sealed document goes")],
    token: Annotated[str, typer.Option(help="Label or serial number of the UKey")] = "",
    pin_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Its first line is the PIN; else it is asked for"),
    ] = None,
    place: Annotated[
        list[str] | None,
        typer.Option(
            help="PAGE:LEFT:TOP (page from 1; mm from its top left to the seal's middle), the name of "
            "a place, straddle, or straddle:TOP; several times for several. "
            "Without: the one empty place, or the end"
        ),
    ] = None,
    reserve: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=PAGE:LEFT:TOP(:straddle(:TOP)): make a place in a PDF first, for a later seal"
        ),
    ] = None,
    profile: Annotated[str, typer.Option(help="Kind of device (docs/vukey.md)")] = "virtual",
    profiles: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file with more kinds of devices")
    ] = None,
    tsa: Annotated[str, typer.Option(help="Address of a time stamp authority, or none")] = "",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Seal with a revoked or expired certificate or seal, too")
    ] = False,
) -> None:
    """Seal a document with the UKey: its picture at the place, its signature in the file."""
    with _plain_errors():
        settings = load()
        data = _with_reserved(_read(document), reserve or [])
        station = _station(profile, profiles)
        contents = station.token(token).contents()
        if contents.certificate is not None and contents.seal is not None:
            now = datetime.now(UTC)
            check_before(contents.certificate, contents.seal, settings, now, anyway=anyway)
        signer = TokenSigner(
            station.token(contents.info.serial or token), _pin(pin_file, contents.info.label)
        )
        sealed = _seal(data, contents, signer, place or [], _stamp(tsa, settings))
        _write(out, sealed)
    assert contents.seal is not None
    typer.echo(f"Sealed with {contents.seal.info.name} ({contents.seal.info.seal_id}): {out}")


def _seal(
    data: bytes,
    contents: TokenContents,
    signer: TokenSigner,
    wanted: list[str],
    stamp: Callable[[bytes], bytes] | None,
) -> bytes:
    if contents.certificate is None:
        raise NoCertificate
    if contents.seal is None:
        raise NoSeal
    places = [_place(text) for text in wanted] or [_usual_place(data, contents.seal.info.picture)]
    now = datetime.now(UTC).replace(microsecond=0)
    return seal_document(data, contents.seal, contents.certificate, signer, places, at=now, stamp=stamp)


def _place(text: str) -> Place:
    if found := _AT.fullmatch(text):
        return At(int(found[1]) - 1, float(found[2]), float(found[3]))
    if found := _STRADDLE.fullmatch(text):
        return Straddle(float(found[1]) if found[1] else None)
    if ":" in text:
        raise NotSealed(f"{text} is no place: PAGE:LEFT:TOP, a name, straddle, or straddle:TOP")
    return Named(text)


def _usual_place(data: bytes, picture: Picture) -> Place:
    """The only empty place; where none was made, the lower right of the last page."""
    layout = layout_of(data)
    if len(layout.free) == 1:
        return Named(layout.free[0])
    if layout.free:
        raise NotSealed(f"The document has several places: say --place with one of {', '.join(layout.free)}.")
    width, height = layout.pages[-1]
    x, y = width - _MARGIN_MM - picture.width_mm / 2, height - _MARGIN_MM - picture.height_mm / 2
    return At(len(layout.pages) - 1, max(x, picture.width_mm / 2), max(y, picture.height_mm / 2))


def _with_reserved(data: bytes, reserved: list[str]) -> bytes:
    if not reserved:
        return data
    if kind_of(data) is not DocumentKind.PDF:
        raise NotSealed(
            "Places are reserved in PDF files only; an OFD takes seals anywhere, one after another."
        )
    if layout_of(data).sealed:
        raise NotSealed("The document has a seal: places are made before the first one.")
    places = []
    for text in reserved:
        found = _RESERVED.fullmatch(text)
        if found is None:
            raise NotSealed(f"{text} is no place to reserve: NAME=PAGE:LEFT:TOP(:straddle(:TOP))")
        at = At(int(found[2]) - 1, float(found[3]), float(found[4]))
        straddle = Straddle(float(found[6]) if found[6] else None) if found[5] else None
        places.append(PlaceToMake(found[1], at, straddle=straddle))
    return with_places(data, places)


def _station(name: str, profiles: Path | None) -> Station:
    device = profile_named(name, profiles)
    return virtual.station() if device.is_virtual else Station(device)


def _pin(file: Path | None, label: str) -> Pin:
    if file is None:
        if not sys.stdin.isatty():
            raise NotSealed("PIN: give a file (--pin-file), there is no terminal to ask at")
        return Pin(typer.prompt(f"PIN of {label}", hide_input=True))
    with file.open("rb") as opened:
        first = opened.read(MAX_PIN_FILE).splitlines()[:1]
    if (mode := file.stat().st_mode & 0o777) & 0o077:
        typer.echo(f"Warning: {file} has mode {mode:04o}, others can read the PIN; chmod 600 it.", err=True)
    try:
        return Pin(first[0].decode() if first else "")
    except UnicodeDecodeError:
        raise NotSealed(f"{file} holds no PIN.") from None


def _stamp(address: str, settings: Settings) -> Callable[[bytes], bytes] | None:
    chosen = address or settings.tsa_url or NONE
    if chosen == NONE:
        return None
    try:
        return stamp_over_http(chosen)
    except ValueError as error:
        raise NotSealed(str(error)) from None


def _read(document: Path) -> bytes:
    with document.open("rb") as opened:
        return opened.read(MAX_DOCUMENT + 1)


def _write(out: Path, sealed: bytes) -> None:
    """All of it or nothing: a sealed document that is half there looks like a forged one."""
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as file:
        try:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(out)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What a person can repair is said in a sentence, with status 1."""
    try:
        yield
    except SettingsFaults as faults:
        for fault in faults.faults:
            typer.echo(f"  • {fault}", err=True)
        raise typer.Exit(1) from None
    except (Repairable, SigningError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
