"""A Lambda function as Lambda keeps it: a process of AWS's runtime client, started when needed, ended when it must be.

The process sees the artefact and the runtime client, and nothing of this repository: isolated, without site packages,
in an empty folder.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any, Final, Self

from reliability.runtime.api import RuntimeApi, Told
from reliability.runtime.memory import MemoryLimit, peak_rss

FUNCTION_ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:enrich:live"
# What AWS puts beside the function: its client, and what that imports.
_RUNTIME_PACKAGES: Final = ("awslambdaric", "simplejson", "snapshot-restore-py")
_START: Final = Path(__file__).with_name("start.py")
_POLL_S: Final = 0.05
_INIT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended.

    ``kind``: response, error, init_error, timeout (ended by us, as Lambda does) or died (the process ended itself, or
    was ended for want of memory); ``seconds``: from the offer to the end, a cold start's start included;
    ``peak_rss``: of the process so far, in bytes.
    """

    kind: str
    told: Told | None
    seconds: float
    is_cold: bool
    peak_rss: int

    @property
    def value(self) -> Any:
        """The function's answer or error as JSON; None where it told nothing."""
        return None if self.told is None else self.told.value


class LambdaFunction:
    """One environment at a time of the function in ``tree``; a process that ended is started again by the next event.

    Args:
        tree: the artefact, unzipped.
        handler: as the template names it, ``enricher.handler.handler``.
        environment: the function's variables; the process has no others but Lambda's own.
        memory_bytes: the function's memory, a hard limit.
    """

    def __init__(self, tree: Path, handler: str, environment: Mapping[str, str], memory_bytes: int) -> None:
        self._tree = tree
        self._handler = handler
        self._environment = dict(environment)
        self._scratch = tempfile.TemporaryDirectory()
        self._client = Path(self._scratch.name, "client")
        self._folder = Path(self._scratch.name, "task")
        self.limit = MemoryLimit.of(memory_bytes)
        self._process: subprocess.Popen[bytes] | None = None
        self._api: RuntimeApi | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir()
        _lay_out(self._client)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self.limit.remove()
        self._scratch.cleanup()

    @property
    def log(self) -> str:
        """What the processes wrote so far."""
        path = Path(self._scratch.name, "log")
        return path.read_text(errors="replace") if path.exists() else ""

    def invoke(self, event: Any, seconds: float) -> Outcome:
        """Send an event (as JSON) and wait ``seconds`` at most for how it ends."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        is_cold = self._process is None or self._process.poll() is not None
        begun = time.perf_counter()
        if is_cold:
            self._start()
        api, process = self._running()
        if not self._has_started():
            return self._ended("died" if process.poll() is not None else "timeout", None, begun, is_cold=True)
        request_id = api.offer(body, seconds)
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            told = api.told(request_id, min(left, _POLL_S))
            if told is not None:
                return Outcome(told.kind, told, time.perf_counter() - begun, is_cold, peak_rss(process.pid))
            if process.poll() is not None:
                return self._ended("died", None, begun, is_cold=is_cold)
        return self._ended("timeout", None, begun, is_cold=is_cold)

    def _has_started(self) -> bool:
        """Whether the process asks for work, within what Lambda gives it to start."""
        api, process = self._running()
        until = time.perf_counter() + _INIT_SECONDS
        while time.perf_counter() < until and process.poll() is None:
            if api.asked.wait(_POLL_S):
                return True
        return api.asked.is_set()

    def _start(self) -> None:
        self._end()
        self._api = RuntimeApi(FUNCTION_ARN)
        variables = {
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": "enrich",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.limit.limit_bytes // 1024**2),
            "AWS_EC2_METADATA_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(self._tree),
            "HOME": str(self._folder),
            **self._environment,
        }
        command = [sys.executable, "-I", "-S", "-B", str(_START), str(self._tree), str(self._client), self._handler]
        command += [str(self.limit.limit_bytes), self.limit.processes]
        with Path(self._scratch.name, "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, env=variables, stdout=log, stderr=log)

    def _ended(self, kind: str, told: Told | None, begun: float, *, is_cold: bool) -> Outcome:
        _, process = self._running()
        rss = peak_rss(process.pid)
        self._end()
        return Outcome(kind, told, time.perf_counter() - begun, is_cold, rss)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._api is not None:
            self._api.close()
            self._api = None

    def _running(self) -> tuple[RuntimeApi, "subprocess.Popen[bytes]"]:
        if self._api is None or self._process is None:
            raise RuntimeError("the function's process was not started")
        return self._api, self._process


def _lay_out(folder: Path) -> None:
    """Copy the runtime client's packages out of this environment, so that nothing else of it is importable."""
    for package in _RUNTIME_PACKAGES:
        for file in files(package) or ():
            if ".." in file.parts or ".dist-info" in str(file):
                continue
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(Path(str(file.locate())).read_bytes())
