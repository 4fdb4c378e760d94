"""One log, structured: our events and those of the libraries go through the same renderer, to standard error.

An event is a short sentence in lower case with values beside it: `log.info("listening", address=…)`. Values that came
from outside cannot forge a second line: control characters in them are escaped.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

from shared.runtime.settings import BaseSettings

Event = MutableMapping[str, Any]


class ToldByUs(logging.Filter):
    """Leaves out what aiormq says, with a traceback, of a connection that is lost or refused: `bus.link_lost` and
    `bus.link_failed` say it in a line. Its other words stay, and so does any other error in its reader."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg == "Cancelling cause reader exited abnormally":
            return not (record.exc_info and isinstance(record.exc_info[1], ConnectionError))
        return record.msg != "error when creating transport: %r"


_TOLD_BY_US = ToldByUs()

# Chatty at info without saying anything that our own events do not say.
QUIET = ("uvicorn", "uvicorn.error", "alembic", "aio_pika", "aiormq", "aiosqlite", "sqlalchemy")


def configure_log(settings: BaseSettings) -> None:
    """Sends structlog and the standard `logging` to standard error as `settings.log_format` says. May run again."""
    shared: list[Callable[[Any, str, Event], Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        escape_control_characters,
    ]
    if settings.log_format == "json":
        render: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # The plain formatter: a rich traceback shows local variables, which may hold passwords and tokens.
        plain = structlog.dev.plain_traceback
        render = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It warns of each form that it cannot read, which anybody may send; the sender is told.
    logging.getLogger("python_multipart").setLevel(max(logging.ERROR, root.level))
    logging.getLogger("aiormq.connection").addFilter(_TOLD_BY_US)  # once, however often this runs


def escape_control_characters(_logger: Any, _method: str, event: Event) -> Event:
    """Escapes line breaks and other control characters in every string value, so that one event is one line."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value.rstrip())
    return event
