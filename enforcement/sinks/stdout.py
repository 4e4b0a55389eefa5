"""Messages on standard output, a body a line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import BinaryIO

from enforcement.sinks import Outcome, Outgoing, Result


class StdoutSink:
    """Delivered is what the pipe has taken. A reader that left ends the program, as it does any other."""

    name = "stdout"

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream or sys.stdout.buffer

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Result]:
        for outgoing in batch:
            self._stream.write(outgoing.body + b"\n")
        self._stream.flush()
        return [Result(Outcome.DELIVERED)] * len(batch)

    def close(self) -> None:
        """The stream is not ours."""
