"""`luochui check FILE`: whether a sealed PDF or OFD, or the archive of a lot holds, offline, in plain words.

Trust comes from --trust or from this machine's authority, never from the file. Needs no server; the file is
read in a process of its own, with limits.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from certificates.authority.trust import NoTrust, read_trust
from luochui.commands.check_archive import check_file, looks_like_archive
from luochui.commands.verify import UNREADABLE, Command, speaks_chinese
from luochui.settings import default_data_folder
from signing import SigningError
from signing.bounded import Checked, check_bounded
from signing.chain import Trust
from signing.documents import MAX_DOCUMENT
from signing.export import write
from signing.report import Seal, Summary, as_dict
from signing.report_lines import plain, technical
from signing.report_times import shown
from signing.report_words import VERDICTS, coverage, headline

_LABELS = {
    "zh": {
        "seal": "第 {n} 枚印章",
        "signer": "签名人",
        "seal_name": "印章",
        "valid": "印章有效期",
        "maker": "印章制作",
        "stated": "盖章时间（自称）",
        "proven": "盖章时间（时间戳证明）",
        "covers": "覆盖范围",
        "path": "证书路径",
        "place": "位置",
        "page": "第 {n} 页",
        "file": "文件 SM3",
        "digest": "所覆盖内容 SM3",
        "until": "至",
        "unreadable": "无法读取",
        "written": "已写出",
        "more": "另有 {n} 条技术细节：--json 或 --report",
        "no_trust": (
            "没有可用的信任目录。请用 --trust 目录 指明信任谁，其中应有 root*.pem（根证书）、"
            "issuing*.pem（签发机构）、maker*.pem（印章制作机构）和 *.crl（吊销列表）。"
        ),
    },
    "en": {
        "seal": "Seal {n}",
        "signer": "Signer",
        "seal_name": "Seal",
        "valid": "Seal valid",
        "maker": "Seal made by",
        "stated": "Time (as stated)",
        "proven": "Time (proven)",
        "covers": "Coverage",
        "path": "Certificate path",
        "place": "Where",
        "page": "page {n}",
        "file": "SM3 of the file",
        "digest": "SM3 of what is covered",
        "until": "to",
        "unreadable": "cannot be read",
        "written": "written",
        "more": "{n} technical details more: --json or --report",
        "no_trust": (
            "nothing to trust. Say whom with --trust DIR; it has to hold root*.pem (roots), issuing*.pem"
            " (issuers), maker*.pem (makers of seals) and *.crl (lists of revoked certificates)."
        ),
    },
}


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("check", cls=Command)(check)


def check(
    file: Annotated[Path, typer.Argument(help="A sealed PDF or OFD, or the archive of a lot (zip)")],
    trust: Annotated[
        Path | None,
        typer.Option("--trust", help="A folder with root*.pem, issuing*.pem, maker*.pem and *.crl"),
    ] = None,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write what other software needs to check each seal")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write a report as PDF (Chinese)")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
    lang: Annotated[str, typer.Option("--lang", help="zh or en (default: the locale's)")] = "",
) -> None:
    """Check every seal of a document.

    Exit status: 0 valid, 1 not valid, 2 not proven (or no seal at all); 64 wrong use, 66 the file or the
    trust cannot be read, 73 something could not be written.
    """
    spoken = _language(lang)
    words = _LABELS[spoken]
    try:
        relied = trusted(trust)
        if looks_like_archive(file):
            said, status = check_file(file, relied, spoken, as_json=as_json)
            typer.echo(said)
            raise typer.Exit(status)
        data = _read(file)
    except NoTrust as fault:
        typer.echo(f"{fault}\n{words['no_trust']}", err=True)
        raise typer.Exit(UNREADABLE) from fault
    except (OSError, SigningError) as fault:
        typer.echo(f"{words['unreadable']}: {fault}", err=True)
        raise typer.Exit(UNREADABLE) from fault
    checked = check_bounded(data, relied, now=datetime.now(UTC), export=export is not None)
    told = json.dumps(as_dict(checked.summary), ensure_ascii=False) if as_json else as_text(checked, spoken)
    typer.echo(told)
    _write(checked, file, export, report, words["written"])
    raise typer.Exit(checked.summary.exit_code)


def trusted(folder: Path | None) -> Trust:
    """What one relies on: the folder, or this machine's authority. Raises OSError, SigningError."""
    if folder is not None:
        return read_trust(folder)
    data = Path(os.environ.get("LUOCHUI_DATA") or default_data_folder())
    return read_trust(Path(os.environ.get("LUOCHUI_TRUST_FOLDER") or data / "authority"))


def _language(given: str) -> str:
    if given not in ("", "zh", "en"):
        raise typer.BadParameter("zh or en", param_hint="--lang")
    return given or ("zh" if speaks_chinese(os.environ) else "en")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_DOCUMENT + 1)


def _write(checked: Checked, file: Path, export: Path | None, report: Path | None, written: str) -> None:
    try:
        if export is not None:
            write(list(checked.parts), export)
            typer.echo(f"{written}: {export} ({len(checked.parts)})", err=True)
        if report is not None:
            from web.check_report import render_report  # it reads in a typesetter and its fonts

            report.write_bytes(render_report(checked.summary, file.name))
            typer.echo(f"{written}: {report}", err=True)
    except OSError as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(os.EX_CANTCREAT) from fault


# ── what it says ────────────────────────────────────────────────────────────────────────────────────────────


def as_text(checked: Checked, lang: str) -> str:
    """The report in plain words."""
    summary = checked.summary
    lines = [headline(summary, lang)]
    lines += [f"  - {line}" for line in plain(summary.findings, lang)]
    for number, seal in enumerate(summary.seals, 1):
        lines += ["", *_one(number, seal, lang)]
    lines += ["", f"{_LABELS[lang]['file']}: {summary.digest}"]
    groups = (summary.findings, *(seal.findings for seal in summary.seals))
    if more := sum(len(technical(found, lang)) for found in groups):
        lines.append(_LABELS[lang]["more"].format(n=more))
    return "\n".join(lines)


def _one(number: int, seal: Seal, lang: str) -> list[str]:
    words = _LABELS[lang]
    title = f"{words['seal'].format(n=number)} · {VERDICTS[lang][seal.verdict]}"
    rows = [
        ("seal_name", _named(seal)),
        ("signer", " ".join(part for part in (seal.signer, seal.credit_code) if part)),
        ("maker", seal.maker),
        ("valid", _between(seal, words["until"])),
        ("stated", shown(seal.stated_time) if seal.stated_time else ""),
        ("proven", shown(seal.proven_time) if seal.proven_time else ""),
        ("covers", coverage(seal, lang) if seal.digest else ""),
        ("place", ", ".join(words["page"].format(n=n) for n in sorted({p.page + 1 for p in seal.places}))),
        ("path", " < ".join(link.name for link in seal.path)),
        ("digest", seal.digest),
    ]
    lines = [f"  {words[label]}: {text}" for label, text in rows if text]
    return [title, *lines, *(f"  - {line}" for line in plain(seal.findings, lang))]


def _named(seal: Seal) -> str:
    number = f" ({seal.seal_id})" if seal.seal_id else ""
    return f"{seal.seal_name or seal.name}{number}"


def _between(seal: Seal, until: str) -> str:
    if seal.valid_from is None or seal.valid_until is None:
        return ""
    return f"{shown(seal.valid_from)[:10]} {until} {shown(seal.valid_until)[:10]}"


__all__ = ["Summary", "as_text", "check", "register", "trusted"]
