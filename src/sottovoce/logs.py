"""Logs that hold no word: only the fields listed here get through, and the libraries' own lines lose their values."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

FIELDS = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "session",
        "task",
        "type",
        "status",
        "reason",
        "code",
        "count",
        "engine",
        "workers",
        "restarts",
        "url",
        "port",
        "seconds",
        "error",
        "where",
        "logger",
        "version",
        "action",
        "caller",
        "subject",
    }
)
"""`session` and `task` hold the first 8 characters of an id, `subject` a pseudonym that changes daily, `caller` one too
or the name of an API key. Everything else is a count, a time, or a word of ours."""


def short(full_id: str) -> str:
    """As much of an id as may be logged."""
    return full_id[:8]


def keep_listed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field that is not listed."""
    for name in [name for name in event if name not in FIELDS]:
        del event[name]
    return event


class _WithoutValues(logging.Handler):
    """Lines of libraries (uvicorn, asyncio): their template and the place of an exception, never a value."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        log = structlog.get_logger()
        fields: dict[str, Any] = {"logger": record.name}
        if error is not None:
            fields |= {"error": type(error).__name__, "where": place(error)}
        log.log(record.levelno, "library_message", **fields)


def place(error: BaseException) -> str:
    """Where an exception was raised: file name and line, no values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"


def audit(*, action: str, caller: str | None, subject: str | None, status: int) -> None:
    """A line of the audit log, whatever the level of the others is."""
    unfiltered = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))
    unfiltered.info("audit", action=action, caller=caller, subject=subject, status=status)


def configure(*, level: Literal["debug", "info", "warning", "error"], form: Literal["console", "json"]) -> None:
    """Log to standard error."""
    number = getattr(logging, level.upper())
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_listed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_WithoutValues()]
    root.setLevel(logging.WARNING)
