"""The process of `archive_bounded`: limits first, then the question from standard input, then one answer.

Run as `python -m trading.awards.archive_process`; nobody types that.
"""

import faulthandler
import io
import sys

from signing.bounded_process import MAX_QUESTION, limit, read_question


def main() -> None:
    """Answer one question."""
    limit()
    asked = sys.stdin.buffer.read(MAX_QUESTION)
    from trading.awards.archive_bounded import ADAPTER, summarize
    from trading.awards.archive_check import check_archive, looks_like_archive

    question = read_question(asked)
    file, summary = io.BytesIO(question.data), None
    if looks_like_archive(file):
        summary = summarize(check_archive(file, question.trust, now=question.now))
    sys.stdout.buffer.write(ADAPTER.dump_json(summary))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    faulthandler.disable()
    main()
