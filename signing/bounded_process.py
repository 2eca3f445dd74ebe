"""The process of `bounded`: limits first, then the question from standard input, then one answer.

Run as `python -m signing.bounded_process`; nobody types that.
"""

import faulthandler
import resource
import sys
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from signing.bounded import CPU_S, MEMORY, frames
from signing.documents import MAX_DOCUMENT

if TYPE_CHECKING:
    from signing.chain import Trust

MAX_QUESTION = MAX_DOCUMENT + (128 << 20)


def limit() -> None:
    """For this process and for good. Libraries that start threads count their stacks as memory."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 128),
    ):
        resource.setrlimit(what, (most, most))


def main() -> None:
    """Answer one question."""
    limit()
    asked = sys.stdin.buffer.read(MAX_QUESTION)
    answer(asked)


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands in a question: a stranger's file, and whom one relies on."""

    now: datetime
    export: bool
    trust: "Trust"
    data: bytes


def read_question(asked: bytes) -> Asked:
    """What `bounded.question` wrote."""
    from signing.chain import Trust
    from signing.crl import parse_crl
    from signing.ocsp import parse_answer
    from signing.x509 import parse_certificate

    items = frames(asked)
    now, export, required, counts = next(items).decode().split()
    groups = [list(islice(items, int(count))) for count in counts.split(",")]
    anchors, intermediates, makers = (tuple(map(parse_certificate, group)) for group in groups[:3])
    trust = Trust(
        anchors=anchors,
        intermediates=intermediates,
        seal_makers=makers,
        lists=tuple(map(parse_crl, groups[3])),
        answers=tuple(map(parse_answer, groups[4])),
        revocation_required=required == "1",
    )
    return Asked(datetime.fromisoformat(now), export == "1", trust, next(items))


def answer(asked: bytes) -> None:
    """Check, and write the summary and the parts to standard output."""
    from signing.bounded import _LENGTH
    from signing.export import MAX_EXPORT, parts
    from signing.report import summarize, to_json
    from signing.verification import verify

    question = read_question(asked)
    report = verify(question.data, question.trust, now=question.now)
    out = sys.stdout.buffer
    blobs = [to_json(summarize(report))]
    left = MAX_EXPORT
    for part in parts(report) if question.export else ():
        left -= len(part.data)
        if left >= 0:
            blobs += [part.name.encode(), part.data]
    for blob in blobs:
        out.write(_LENGTH.pack(len(blob)))
        out.write(blob)
    out.flush()


if __name__ == "__main__":
    faulthandler.disable()
    main()
