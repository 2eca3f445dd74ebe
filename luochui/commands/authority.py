"""`luochui authority …`: the demonstration's certificate authority from the shell.

Works with and without its process: what changes is written under a lock, and the process sees it at once.
"""

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from certificates.authority.authorities import DemonstrationAuthorities
from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import NotIssued, State, SubjectKind
from certificates.authority.roles import Role
from luochui.services.faults import Repairable
from luochui.settings import Settings, SettingsFaults, load
from signing import SigningError
from signing.crl import Reason
from signing.csr import MAX_REQUEST, parse_request
from signing.sm2 import MAX_PEM, PublicKey
from signing.x509 import Certificate

app = typer.Typer(
    help="The demonstration's certificate authority. Without legal standing.", no_args_is_help=True
)

Folder = Annotated[Path | None, typer.Option(help="Its folder (default: in the data folder)")]
At = Annotated[str, typer.Option("--at", help="An authority of the catalogue (default: the house's own CA)")]


def register(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app, name="authority")


@app.command()
def init(folder: Folder = None) -> None:
    """Make the authority unless it is there, and complete it when something is missing."""
    with _opened(folder) as (authorities, place):
        _say(f"Authority: {place}")
        _say(f"Root: {_line(authorities.house.own(Role.ROOT))}")


@app.command()
def show(folder: Folder = None) -> None:
    """Certificates, list and register of the house, and of each issuing CA below its root."""
    with _opened(folder) as (authorities, place):
        _say(f"Folder     {place}")
        _show(authorities.house)
        for key, authority in authorities.known().items():
            _say(f"\nAuthority  {key}")
            _show(authority)


@app.command()
def issue(
    name: Annotated[str, typer.Argument(help="Whom it names")],
    out: Annotated[Path, typer.Option(help="Where the certificate (PEM) goes")],
    request: Annotated[Path | None, typer.Option(help="A request (PKCS#10) of whoever has the key")] = None,
    public_key: Annotated[Path | None, typer.Option(help="Or a public key (PEM)")] = None,
    kind: Annotated[SubjectKind, typer.Option(help="Who it is")] = SubjectKind.ORGANIZATION,
    organization: Annotated[str, typer.Option(help="Of a legal representative")] = "",
    credit_code: Annotated[str, typer.Option(help="Unified social credit code")] = "",
    person_id: Annotated[str, typer.Option(help="Number of a person")] = "",
    days: Annotated[int, typer.Option(help="Valid for so many days from now on")] = 365,
    seal: Annotated[Path | None, typer.Option(help="Make its seal, too, and write it (DER) there")] = None,
    seal_image: Annotated[Path | None, typer.Option(help="With this scan instead of a drawn picture")] = None,
    at: At = "",
    folder: Folder = None,
) -> None:
    """Issue a certificate, and a seal when asked for one."""
    with _opened(folder) as (authorities, _):
        authority = authorities.own(at, at) if at else authorities.house
        picture = _picture(seal_image) if seal_image else None
        certificate = authority.issue(
            name,
            _key(request, public_key),
            kind=kind,
            organization=organization,
            credit_code=credit_code,
            person_id=person_id,
            days=days,
            by=_who(),
        )
        out.write_bytes(certificate.to_pem())
        _say(f"Certificate {certificate.serial:x} for {name}, until {certificate.valid_until}: {out}")
        if seal is not None:
            made = authority.make_seal(certificate, picture=picture, by=_who())
            seal.write_bytes(made.der)
            _say(f"Seal {made.info.seal_id}: {seal}")


@app.command()
def revoke(
    serial: Annotated[str, typer.Argument(help="The certificate's number, hexadecimal")],
    reason: Annotated[Reason, typer.Option(help="Why")] = Reason.UNSPECIFIED,
    lost_since: Annotated[
        datetime | None,
        typer.Option(help="The key was lost by then (UTC)", formats=["%Y-%m-%dT%H:%M:%SZ"]),
    ] = None,
    folder: Folder = None,
) -> None:
    """Revoke a certificate for good; the new list is published when this returns."""
    with _opened(folder) as (authorities, _):
        since = lost_since.replace(tzinfo=UTC) if lost_since else None
        authority = authorities.issuer_of(_number(serial))
        made = authority.revoke(_number(serial), reason, by=_who(), invalid_since=since)
        _say(f"Revoked {made.serial:x} at {made.at} ({made.reason}). List number {authority.crl().number}.")


@app.command("list")
def listed(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one object a line")] = False,
    folder: Folder = None,
) -> None:
    """What was issued, the oldest first."""
    with _opened(folder) as (authorities, _):
        for key, authority in {"": authorities.house, **authorities.known()}.items():
            for entry in authority.entries():
                status = authority.status(entry.serial)
                if as_json:
                    facts = _facts(status.certificate, status.state, entry.role, entry.by)
                    _say(json.dumps({**facts, "authority": key}))
                else:
                    whose = f" · {key}" if key else ""
                    _say(f"{entry.serial:x}  {status.state:<8} {_named(status.certificate)}{whose}")


@app.command()
def crl(
    out: Annotated[Path | None, typer.Option(help="Write it (DER) there, too")] = None,
    at: At = "",
    folder: Folder = None,
) -> None:
    """The list of revoked certificates, made anew when it ends soon."""
    with _opened(folder) as (authorities, _place):
        authority = authorities.own(at, at) if at else authorities.house
        revoked = authority.crl()
        if out is not None:
            out.write_bytes(revoked.der)
        _say(f"List number {revoked.number} of {revoked.this_update}, until {revoked.next_update}:")
        _say(f"{len(revoked.entries)} revoked. {out or authority.published_at / 'issuing.crl'}")


@contextmanager
def _opened(folder: Path | None) -> Iterator[tuple[DemonstrationAuthorities, Path]]:
    """What a person can repair is said in a sentence, with status 1."""
    from luochui.processes.authority import open_authorities

    try:
        settings: Settings = load()
        place = folder or settings.authority
        yield open_authorities(settings, place), place
    except (SigningError, OSError, SettingsFaults, Repairable) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _show(authority: DemonstrationAuthority) -> None:
    for role in authority.roles:
        _say(f"{role:<10} {_line(authority.own(role))}")
    revoked = authority.crl()
    lines, head = authority.register_head
    _say(f"list       number {revoked.number}, until {revoked.next_update}")
    _say(f"           {len(revoked.entries)} revoked")
    _say(f"register   {lines} lines, SM3 of the last {head}")


def _key(request: Path | None, public_key: Path | None) -> PublicKey:
    if (request is None) == (public_key is None):
        raise NotIssued("give either --request or --public-key")
    if public_key is not None:
        return PublicKey.from_pem(_read(public_key, MAX_PEM))
    assert request is not None
    asked = parse_request(_read(request, 2 * MAX_REQUEST))
    if not asked.proves_possession:
        raise NotIssued("the request is not signed by the key in it")
    return asked.key


def _picture(path: Path) -> Any:
    from certificates.seal_image import MAX_BYTES, clean_seal_image

    return clean_seal_image(_read(path, MAX_BYTES))


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit + 1)


def _number(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise NotIssued(f"{text!r} is no hexadecimal number") from None


def _who() -> str:
    try:
        return f"command line: {getpass.getuser()}"
    except (KeyError, OSError):  # an account without a name
        return "command line"


def _line(certificate: Certificate) -> str:
    return f"{certificate}, until {certificate.valid_until}, SM3 {certificate.fingerprint.hex()}"


def _named(certificate: Certificate) -> str:
    organization = certificate.subject.organization
    name = certificate.subject.common_name
    return name if organization in ("", name) else f"{name} ({organization})"


def _facts(certificate: Certificate, state: State, role: str, by: str) -> dict[str, str]:
    return {
        "serial": f"{certificate.serial:x}",
        "state": str(state),
        "kind": role,
        "subject": str(certificate.subject),
        "valid_from": certificate.valid_from.isoformat(),
        "valid_until": certificate.valid_until.isoformat(),
        "by": by,
    }


def _say(text: str) -> None:
    typer.echo(text)
