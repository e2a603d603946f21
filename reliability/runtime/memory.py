"""A function's memory as a hard limit: a control group where this user may make one, else a limit on the data segment.

In a control group the kernel ends the process, as Lambda does; with RLIMIT_DATA an allocation fails instead. Which of
the two held is told with every figure.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_V1: Final = Path("/sys/fs/cgroup/memory")
_V2: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """``folder`` is the control group's, None without one: then the process limits itself (start.py)."""

    limit_bytes: int
    folder: Path | None

    @classmethod
    def of(cls, limit_bytes: int) -> Self:
        """A control group with that limit if one can be made here."""
        name = f"vpcflow-{uuid.uuid4().hex[:12]}"
        for base, setting in ((_V1, "memory.limit_in_bytes"), (_V2, "memory.max")):
            folder = base / name
            if not (base / "cgroup.procs").exists():
                continue
            try:
                folder.mkdir()
                (folder / setting).write_text(str(limit_bytes))
            except OSError:
                _remove(folder)
                continue
            return cls(limit_bytes, folder)
        return cls(limit_bytes, None)

    @property
    def kind(self) -> str:
        """In a word, for the report."""
        return "control group" if self.folder is not None else "RLIMIT_DATA"

    @property
    def processes(self) -> str:
        """The file that a process writes its id into to come under the limit; empty without a group."""
        return "" if self.folder is None else str(self.folder / "cgroup.procs")

    def remove(self) -> None:
        """Give the group back; its processes must have ended."""
        if self.folder is not None:
            _remove(self.folder)


def _remove(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # not there, or a process is still ending: an empty group costs nothing


def peak_rss(pid: int) -> int:
    """The most resident memory that the process ever had, in bytes; 0 where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    told = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(told[0][1]) * 1024 if told else 0
