"""`luochui verify FILE`: check a finished lot's ledger offline and say in plain words what was found.

Trust comes from --trust or from the installed roots, never from the file. Needs no server and no settings.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand

from bidding.ledger.file import MAX_FILE, Damaged, Report, Status, verify_ledger
from bidding.ledger.replay import Finding
from luochui.commands.verdicts import ENGLISH, SENTENCES, Sentence
from luochui.settings import default_data_folder
from signing import SigningError
from signing.sm2 import MAX_PEM, PublicKey

# Statuses of their own: 1 and 2 are verdicts, and a script must not take a slip of the finger for one.
LIBRARYS_WRONG_USE = 2
WRONG_USE = os.EX_USAGE  # 64
UNREADABLE = os.EX_NOINPUT  # 66


class Command(TyperCommand):
    """Ends with WRONG_USE where the library would end with 2."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        try:
            return super().make_context(*arguments, **more)
        except Exception as fault:
            if getattr(fault, "exit_code", None) == LIBRARYS_WRONG_USE:
                cast(Any, fault).exit_code = WRONG_USE
            raise


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("verify", cls=Command)(verify)


def verify(
    file: Annotated[Path, typer.Argument(help="A lot's ledger.jsonl")],
    trust: Annotated[
        list[Path] | None, typer.Option("--trust", help="A public key (PEM) that you trust; repeatable")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Check a finished lot's ledger.

    Exit status: 0 valid and trusted, 1 broken, 2 consistent but by an unknown issuer; 64 wrong use, 66 a file
    or a key cannot be read.
    """
    chinese = speaks_chinese(os.environ)
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE + 1)
        trusted = [key_in(path) for path in trust] if trust else list(installed_roots())
    except (OSError, SigningError) as fault:
        typer.echo(f"{'无法读取' if chinese else 'cannot be read'}: {fault}", err=True)
        raise typer.Exit(UNREADABLE) from fault
    report = verify_ledger(data, trusted)
    typer.echo(as_text(report, chinese=chinese) if not as_json else json.dumps(as_dict(report)))
    raise typer.Exit(report.exit_code)


def speaks_chinese(environ: Mapping[str, str]) -> bool:
    """Chinese unless the person's locale says English."""
    spoken = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return not spoken.lower().startswith("en")


def key_in(path: Path) -> PublicKey:
    """The public key in a PEM file; raises OSError, SigningError."""
    with path.open("rb") as file:
        return PublicKey.from_pem(file.read(MAX_PEM + 1))


def installed_roots() -> Iterable[PublicKey]:
    """The keys that were put on this machine as trusted."""
    data = Path(os.environ.get("LUOCHUI_DATA") or default_data_folder())
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for folder in (data / "trust", home / "luochui" / "trust"):
        try:
            found = sorted(folder.glob("*.pem"))
        except OSError:
            continue
        for path in found:
            yield key_in(path)


# ── what it says ────────────────────────────────────────────────────────────────────────────────────────────


def as_text(report: Report, *, chinese: bool) -> str:
    """The report in plain words."""
    say = _speaker(chinese=chinese)
    lines = [say(f"status.{report.status.value}")]
    lines += [_finding(found, say) for found in report.findings]
    if report.status is not Status.BROKEN and report.seal is not None:
        lines += _contents(report, say)
    if report.key_id:
        lines.append(
            say("issuer." + ("trusted" if report.status is Status.VALID else "unknown"), key=report.key_id)
        )
    return "\n".join(lines)


def _contents(report: Report, say: Sentence) -> list[str]:
    seal, replayed = report.seal, report.replayed
    if seal is None or replayed is None or replayed.session is None:
        raise AssertionError("a consistent file without a seal or a state")
    session, opening = replayed.session, replayed.opening
    lines = [say("lot", lot=report.lot), say("entries", entries=report.entries, bids=session.bids)]
    if session.leader:
        lines.append(say("highest", paddle=session.leader, price=yuan(session.price)))
    lines.append(say(f"result.{seal.result}", paddle=seal.winner, price=yuan(seal.price)))
    if opening is not None:
        reserve = say("reserve.none") if opening.reserve is None else yuan(opening.reserve)
        lines.append(say("opened", qualified=len(opening.qualified), reserve=reserve))
    else:
        lines.append(say("not_opened"))
    if session.epoch > 1:
        lines.append(say("recovered", times=session.epoch - 1))
    return [*lines, say("head", head=report.head)]


def _finding(found: Damaged | Finding, say: Sentence) -> str:
    if isinstance(found, Damaged):
        return say(f"damage.{found.damage.value}", line=found.line, **found.facts)
    return say(f"fault.{found.fault.value}", seq=found.seq, line=found.seq + 1, **found.facts)


def _speaker(*, chinese: bool) -> Sentence:
    def say(message: str, **facts: object) -> str:
        text = (SENTENCES if chinese else ENGLISH)[message]
        return text.format(**{name: _printable(value) for name, value in facts.items()})

    return say


def _printable(value: object) -> str:
    """What a hostile file says must not steer the terminal."""
    return "".join(character if character.isprintable() else "�" for character in str(value))


def yuan(fen: int) -> str:
    """A price as people write it."""
    return f"¥{fen // 100:,}.{fen % 100:02d}"


def as_dict(report: Report) -> dict[str, Any]:
    """The report for programs."""
    session = report.replayed.session if report.replayed else None
    seal = report.seal
    return {
        "status": report.status.value,
        "exit_code": report.exit_code,
        "lot": report.lot,
        "entries": report.entries,
        "bids": session.bids if session else 0,
        "leader": session.leader if session else "",
        "highest": session.price if session else 0,
        "epoch": session.epoch if session else 0,
        "head": report.head,
        "key": report.key_id,
        "result": seal.result if seal else "",
        "winner": seal.winner if seal else "",
        "price": seal.price if seal else 0,
        "findings": [_finding_dict(found) for found in report.findings],
    }


def _finding_dict(found: Damaged | Finding) -> dict[str, Any]:
    if isinstance(found, Damaged):
        seq = max(0, found.line - 1)
        return {"line": found.line, "entry": seq, "wrong": found.damage.value, "facts": dict(found.facts)}
    facts = dict(found.facts)
    return {"line": found.seq + 1, "entry": found.seq, "wrong": found.fault.value, "facts": facts}
