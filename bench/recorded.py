"""Figures that stay: ``bench/performance.json``, a section a command, each with what it was measured on.

docs/performance.md and its picture are written from it by ``bench.page``.
"""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from enricher.errors import SettingsError

RECORDED: Final = Path(__file__).with_name("performance.json")
_ROOT: Final = RECORDED.parent.parent


def recorded(section: str) -> dict[str, Any]:
    """A section: ``commit``, ``at``, ``machine``, ``figures``.

    Raises:
        SettingsError: it has never been recorded.
    """
    sections = everything()
    if section not in sections:
        raise SettingsError(f"{RECORDED.name}: has no {section}; run `python -m bench.page {section}`")
    found: dict[str, Any] = sections[section]
    return found


def everything() -> dict[str, Any]:
    """All sections."""
    if not RECORDED.is_file():
        return {}
    sections: dict[str, Any] = json.loads(RECORDED.read_text("utf-8"))
    return sections


def record(section: str, figures: Any) -> None:
    """Keep a section, in the place of what was there."""
    sections = everything()
    sections[section] = {
        "commit": _commit(),
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": machine(),
        "figures": figures,
    }
    RECORDED.write_text(json.dumps(sections, indent=1) + "\n", "utf-8")


def machine() -> str:
    """What kind of machine this is, and how busy."""
    load = os.getloadavg()[0]
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {system}, load {load:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()


def _commit() -> str:
    """The commit, and whether what is measured differs from it."""
    git = ["git", "-C", str(_ROOT)]
    done = subprocess.run([*git, "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=True)
    changed = subprocess.run([*git, "status", "--porcelain", "--", "src"], capture_output=True, text=True, check=True)
    return done.stdout.strip() + (", with changes" if changed.stdout.strip() else "")
