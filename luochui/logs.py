"""Structured logs on standard error: one JSON object a line, or coloured lines on a terminal.

Ids travel with the context: `structlog.contextvars.bind_contextvars(request=…, lot=…)` once, and every
line of that task has them.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from luochui.settings import Settings

# user:password@ in a URL, wherever it is logged
CREDENTIALS = re.compile(r"(?P<scheme>[a-z]+://)[^/\s@]*:[^/\s@]*@")


def configure(settings: Settings, *, process: str) -> None:
    """Route structlog and the standard library's loggers through one chain. Call once per process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_process(process),
        structlog.processors.format_exc_info,
        hide_credentials,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(settings)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; what is bound to it appears in each of its lines."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def hide_credentials(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A password in a URL never reaches the log, not even inside an exception's text."""
    for key, value in event.items():
        if isinstance(value, str) and "@" in value:
            event[key] = CREDENTIALS.sub(r"\g<scheme>***@", value)
    return event


def _name_process(process: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("process", process)
        return event

    return add


def _renderer(settings: Settings) -> structlog.typing.Processor:
    wanted = settings.log_format
    if wanted == "auto":
        wanted = "console" if sys.stderr.isatty() else "json"
    if wanted == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
