"""Logs: one JSON object a line, with what the request or process adds; readable lines on a terminal."""

from __future__ import annotations

import logging
import sys

import structlog


def setup() -> None:
    """Everything that speaks through `logging` goes to stderr through structlog. Repeating is harmless."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper("iso"),
    ]
    last = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            last,
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("httpx", "pika", "huey", "huey.consumer.Scheduler", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("huey.consumer").setLevel(logging.INFO)  # that it was told to stop, and has
    logging.getLogger("huey").handlers.clear()  # its own, which says all of it once more, in as many lines as it has
