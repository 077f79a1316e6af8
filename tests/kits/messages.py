"""Capturing of the package's log messages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def messages_of(name: str = "paretoprune") -> Iterator[list[str]]:
    """Yield a list of the messages of a logger and its children, from INFO on."""
    logger, handler = logging.getLogger(name), _Kept()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield handler.messages
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
