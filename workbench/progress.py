"""A word on the error stream for what takes longer than a second, where a person watches."""

from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Self, TextIO

_CLEAR = "\r\x1b[K"


class Progress:
    """While the block runs: after ``first_s`` a line ``label … 3 s`` on ``stream``, renewed, and gone at the end.

    Nothing where the stream is no terminal or ``is_quiet``: a script listens there, and errors stand alone.
    """

    def __init__(self, label: str, stream: TextIO, *, is_quiet: bool = False, first_s: float = 1.0) -> None:
        self._label = label
        self._stream = stream
        self._every_s = first_s
        self._shows = stream.isatty() and not is_quiet
        self._done = Event()
        self._thread = Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Self:
        if self._shows:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._shows:
            self._thread.join()

    def _tell(self) -> None:
        begin, told = monotonic(), False
        while not self._done.wait(self._every_s):
            told = True
            self._stream.write(f"{_CLEAR}{self._label} … {monotonic() - begin:.0f} s")
            self._stream.flush()
        if told:
            self._stream.write(_CLEAR)
            self._stream.flush()
