"""Structured logging: one event, one line, fixed field names, on standard error; never in the way.

Three forms: *human* for a terminal, *logfmt* and *json* for collectors. A line that cannot be
written at once is dropped and counted; the next line that gets through says how many were.
Client addresses go through `client_network` first: a log holds /24 and /56 at most (RFC 7871 §11.1).
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import select
import sys
from datetime import UTC, datetime
from typing import TextIO

MAX_LINE = 4096  # octets; what POSIX lets a pipe take in one piece (PIPE_BUF on Linux)
CLIENT_BITS4, CLIENT_BITS6 = 24, 56
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "human", "logfmt", "json")

Field = str | int | float | bool | None


class Log:
    """A source of events. The event is a fixed word or two; everything that varies is a field."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        """Speak as *name*, usually the module's ``__name__``."""
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: Field) -> None:
        """Say what only helps somebody who looks for a fault."""
        self._logger.debug(event, extra={"fields": fields})

    def info(self, event: str, **fields: Field) -> None:
        """Say that something went as it should."""
        self._logger.info(event, extra={"fields": fields})

    def warning(self, event: str, **fields: Field) -> None:
        """Say that something is not as it should be and needs nobody at night."""
        self._logger.warning(event, extra={"fields": fields})

    def error(self, event: str, **fields: Field) -> None:
        """Say that somebody has to act."""
        self._logger.error(event, extra={"fields": fields})


class LineHandler(logging.Handler):
    """Writes whole lines to a file descriptor that may be full, slow or gone."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.dropped = 0
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record* if that takes no waiting, else count it."""
        if self.dropped:
            record.__dict__["dropped"] = self.dropped
        line = self.format(record).encode("utf-8", "backslashreplace")
        if len(line) >= MAX_LINE:
            line = line[: MAX_LINE - 4].decode("utf-8", "ignore").encode() + b"..."
        try:
            if not any(event & select.POLLOUT for _, event in self._poll.poll(0)):
                self.dropped += 1
                return
            os.write(self._descriptor, line + b"\n")
        except OSError:  # the disk behind a log file is full, the reader of a pipe has gone
            self.dropped += 1
        else:
            self.dropped = 0


class _LineFormatter(logging.Formatter):
    """Turns a record into one line."""

    def __init__(self, form: str, process: str, color: bool) -> None:
        super().__init__()
        self._form, self._process, self._color = form, process, color

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        stamp = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Field] = {
            "time": stamp.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "process": self._process,
            "pid": os.getpid(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if dropped := getattr(record, "dropped", 0):
            fields["dropped"] = dropped
        if self._form == "json":
            return json.dumps(fields, ensure_ascii=False, default=str)
        if self._form == "logfmt":
            return " ".join(f"{key}={_word(value)}" for key, value in fields.items())
        return self._human(fields)

    def _human(self, fields: dict[str, Field]) -> str:
        time, level, event = (str(fields.pop(key)) for key in ("time", "level", "event"))
        del fields["process"], fields["pid"]
        tint = {"warning": "33", "error": "31"}.get(level, "2")
        shown = f"\033[{tint}m{level:7}\033[0m" if self._color else f"{level:7}"
        exception = fields.pop("exception", None)
        rest = "".join(f"  {key}={_word(value)}" for key, value in fields.items())
        return f"{time[11:23]} {shown} {event}{rest}" + (f"\n{exception}" if exception else "")


def _word(value: Field) -> str:
    """Return *value* as one word of logfmt: quoted if it has to be, and never with a line's end."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    plain = text and text.isprintable() and not any(c in text for c in ' "=\\')
    return text if plain else json.dumps(text, ensure_ascii=False)


def set_up(
    level: str = "info", form: str = "auto", process: str = "gslb", stream: TextIO | None = None
) -> LineHandler:
    """Send every log of this process to standard error, or *stream*, and return the handler.

    Args:
        level: one of LEVELS.
        form: one of FORMATS; auto is human on a terminal and logfmt elsewhere.
        process: what this process is: supervisor, worker, …
        stream: an open file with a descriptor.
    """
    stream = stream or sys.stderr
    terminal = stream.isatty()
    if form == "auto":
        form = "human" if terminal else "logfmt"
    handler = LineHandler(stream.fileno())
    color = terminal and "NO_COLOR" not in os.environ
    handler.setFormatter(_LineFormatter(form, process, color))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.raiseExceptions = False  # a log that fails must not write to the stream that failed
    return handler


def client_network(address: str) -> str:
    """Return the network of a client as a log may hold it: ``192.0.2.0/24``, ``2001:db8::/56``."""
    parsed = ipaddress.ip_address(address)
    bits = CLIENT_BITS4 if parsed.version == 4 else CLIENT_BITS6
    return str(ipaddress.ip_network((parsed, bits), strict=False))
