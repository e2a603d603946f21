"""Headless Chromium, driven over a pipe with its own DevTools protocol: what a page loads, says, holds and looks like.

No driver and no package: Chromium reads commands from descriptor 3 and answers on descriptor 4, JSON ended by NUL
(https://chromedevtools.github.io/devtools-protocol/, "--remote-debugging-pipe").
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

INSTALL: Final = "Chromium is not there: install Debian's package chromium"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
# A page is on disk and small: what takes longer hangs.
_SECONDS: Final = 60.0
_FLAGS: Final = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--font-render-hinting=none",
    # Nobody is asked for an address, whatever a page holds.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


# Python hands descriptors on by the numbers they have; the protocol's are 3 and 4.
_LAUNCH: Final = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class ChromiumError(Exception):
    """The browser is not there, ended, or refused a command."""


def find() -> str | None:
    """Where Chromium is; None where it is not."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@dataclass(slots=True)
class Seen:
    """What happened since a page was opened: requests by URL, lines of the console, exceptions, policy violations."""

    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    loaded: bool = False


class Chromium:
    """A browser with one page; everything it needs lies in a directory of its own, which goes with it."""

    def __init__(self) -> None:
        executable = find()
        if executable is None:
            raise ChromiumError(INSTALL)
        self.seen = Seen()
        self._number = 0
        self._buffer = b""
        self._answers: dict[int, dict[str, Any]] = {}
        self._session: str | None = None
        with ExitStack() as undo:
            home = undo.enter_context(tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True))
            self._start(executable, home, undo)
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
                self.call(f"{domain}.enable")
            self._undo = undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def open(self, file: Path, *, width: int = 1280, height: int = 900, dark: bool = False, media: str = "") -> Seen:
        """Load a file at this width; ``media`` may be print. Answers what happened until it was loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,  # noqa: PLR2004 - a phone
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.seen = Seen()
        self.call("Page.navigate", url=file.resolve().as_uri())
        self._until(lambda: self.seen.loaded)
        # Everything that was reported before this answer has arrived with it.
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(() => done(1), 0)))")
        return self.seen

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, promises awaited; it runs beside the page's policy.

        Raises:
            ChromiumError: it throws.
        """
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise ChromiumError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def picture(self, *, whole: bool = True) -> bytes:
        """A PNG of the page, or of what the window shows of it."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def paper(self) -> bytes:
        """The page as PDF, by its own style for print."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """One command of the protocol, and its answer.

        Raises:
            ChromiumError: it was refused, or the browser ended.
        """
        self._number += 1
        number = self._number
        command: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            command["sessionId"] = self._session
        try:
            os.write(self._to, json.dumps(command).encode() + b"\0")
        except OSError as error:
            raise ChromiumError(f"{method}: Chromium is gone ({error})") from error
        self._until(lambda: number in self._answers)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise ChromiumError(f"{method}: {answer['error'].get('message')}")
        return dict(answer["result"])

    def _start(self, executable: str, home: str, undo: ExitStack) -> None:
        commands, self._to = os.pipe()
        self._from, events = os.pipe()
        undo.callback(os.close, self._from)
        undo.callback(os.close, self._to)
        # As root (a container) Chromium refuses to make its sandbox; what it opens there is our own file.
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _LAUNCH,
                str(commands),
                str(events),
                executable,
                *_FLAGS,
                *sandbox,
                f"--user-data-dir={home}",
            ],
            pass_fds=(commands, events),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"HOME": home, "PATH": os.defpath},
            start_new_session=True,
        )
        undo.callback(_end, process)
        os.close(commands)
        os.close(events)

    def _until(self, happened: Any) -> None:
        deadline = time.monotonic() + _SECONDS
        while not happened():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise ChromiumError(f"Chromium said nothing for {_SECONDS:.0f} s")
            chunk = os.read(self._from, 1 << 20)
            if not chunk:
                raise ChromiumError("Chromium ended")
            *messages, self._buffer = (self._buffer + chunk).split(b"\0")
            for message in messages:
                self._take(json.loads(message))

    def _take(self, message: Mapping[str, Any]) -> None:
        told = message.get("params", {})
        match message.get("method"):
            case None:
                self._answers[message["id"]] = dict(message)
            case "Network.requestWillBeSent":
                self.seen.requests.append(told["request"]["url"])
            case "Runtime.consoleAPICalled":
                self.seen.console.append(f"{told['type']}: {[each.get('value') for each in told['args']]}")
            case "Runtime.exceptionThrown":
                self.seen.console.append(f"exception: {told['exceptionDetails'].get('text')}")
            case "Log.entryAdded":
                self.seen.console.append(f"{told['entry']['level']}: {told['entry']['text']}")
            case "Audits.issueAdded":
                self.seen.console.append(f"issue: {json.dumps(told['issue'])[:300]}")
            case "Page.loadEventFired":
                self.seen.loaded = True


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
