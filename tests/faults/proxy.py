"""A wire between two processes that can be slow, thin, deaf, dumb or torn. Raw TCP: it fits every server we talk to."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

PIECE = 64 * 1024
LONGEST_PATTERN = 256
RST_ON_CLOSE = struct.pack("ii", 1, 0)  # linger for no time at all

# What a PostgreSQL client sends to commit: a simple query, or the parse message of an extended one.
COMMIT = re.compile(rb"Q\x00\x00\x00\x0bCOMMIT\x00|P\x00\x00\x00.\x00COMMIT\x00", re.DOTALL)

Then = Literal["cut", "deafen"]


@dataclass
class Trap:
    """Springs when the client has sent something for the n-th time.

    `forward`: the server gets it. "cut": both ends find the wire torn, the client without the server's answer, which
    was given where the server got it. "deafen": the wire stays, and the client hears nothing more.
    """

    pattern: re.Pattern[bytes]
    then: Then
    nth: int = 1
    forward: bool = True


@dataclass
class Line:
    client: socket.socket
    server: socket.socket
    deaf: bool = False
    cut_at_answer: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def end(self, reset: bool = False) -> None:
        self.ended.set()
        for end in (self.client, self.server):
            with suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
                end.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)  # wakes whoever reads


class Proxy:
    """`deaf`: answers are swallowed. `dumb`: what the client says is. Both leave the connection half open."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.latency = 0.0  # seconds before each piece goes on, either way
        self.trickle = 0.0  # seconds for each byte of an answer
        self.deaf = self.dumb = self.away = False
        self.trap: Trap | None = None
        self.log: list[str] = []  # what really happened to somebody
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lines: list[Line] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """Every connection there is now ends."""
        self._end("cut", reset=False)

    def reset(self) -> None:
        """The same, rudely: ECONNRESET."""
        self._end("reset", reset=True)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._lines:
            line.end()
        for thread in self._threads:
            thread.join(5)

    def _end(self, word: str, reset: bool) -> None:
        for line in self._lines:
            if not line.ended.is_set():
                self.log.append(word)
                line.end(reset)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.away:
                    self.log.append("away")
                    client.close()
                    continue
                line = Line(client, socket.create_connection(("127.0.0.1", self.target)))
                self._lines.append(line)
                pumps = [
                    threading.Thread(target=self._pump, args=(way, line), daemon=True) for way in (self._up, self._down)
                ]
                self._threads += pumps
                for pump in pumps:
                    pump.start()

    def _pump(self, direction: Callable[[Line], None], line: Line) -> None:
        """The last of a line's two pumps closes it."""
        with suppress(OSError):
            direction(line)
        if line.ended.is_set():
            line.client.close()
            line.server.close()
        line.end()

    def _up(self, line: Line) -> None:
        unmatched = b""
        while data := line.client.recv(PIECE):
            line.ended.wait(self.latency)
            sprung, unmatched = self._springs(unmatched + data)
            if sprung is not None and self._spring(sprung, line):
                return
            if self.dumb:
                self.log.append("dumb")
                continue
            line.server.sendall(data)

    def _springs(self, said: bytes) -> tuple[Trap | None, bytes]:
        """The trap, at the n-th time; and the end of what was said, in which a pattern may have begun."""
        trap = self.trap
        if trap is None:
            return None, b""
        while found := trap.pattern.search(said):
            said = said[found.end() :]
            trap.nth -= 1
            if trap.nth == 0:
                self.trap = None
                return trap, b""
        return None, said[-LONGEST_PATTERN:]

    def _spring(self, trap: Trap, line: Line) -> bool:
        """True: the server does not get it."""
        self.log.append(trap.then)
        line.deaf = True
        line.cut_at_answer = trap.then == "cut"
        if trap.then == "cut" and not trap.forward:
            line.end()
        return not trap.forward

    def _down(self, line: Line) -> None:
        while data := line.server.recv(PIECE):
            if line.cut_at_answer:
                line.end()
                return
            if line.deaf or self.deaf:
                self.log.append("deaf")
                continue
            line.ended.wait(self.latency)
            for piece in self._pieces(data):
                line.client.sendall(piece)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        if not self.trickle:
            yield data
            return
        self.log.append("trickle")
        for byte in data:
            threading.Event().wait(self.trickle)
            yield bytes([byte])


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
