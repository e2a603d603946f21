"""A report of the hostile corpus and of the demo's shapes, opened in Chromium: what ran, what was asked for, as JSON.

PYTHONPATH=src:.:tests python tests/report_in_browser.py [--most TEXTS]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from athena_lake import write_lake
from report_lakes import HOSTILE, HOUR, MONDAY, hostile, two_weeks

from reliability import page_checks
from reliability.chromium import Chromium
from workbench.report.markup import visible
from workbench.report_command import write_report

# Texts that the page does not shorten anywhere.
LONGEST = 60
# Cells hold text, numbers and bars, whatever the lake holds.
CELLS = """(() => {
  const cells = [...document.querySelectorAll('td, th')];
  const harmless = ['bdi', 'data', 'span', 'small', 'svg', 'rect'];
  const bad = cells.filter(cell => [...cell.querySelectorAll('*')].some(each => !harmless.includes(each.localName)));
  return [cells.length, bad.length];
})()"""


def look(texts: tuple[str, ...]) -> dict[str, int]:
    """Counts of what was found."""
    told = {
        "texts": len(texts),
        "ways": 0,
        "requests": 0,
        "console": 0,
        "active": 0,
        "pale": 0,
        "structure": 0,
        "wide": 0,
    }
    with tempfile.TemporaryDirectory() as directory, Chromium() as browser:
        file = Path(directory) / "report.html"
        # A part of the corpus goes without the charts over time: they are drawn of hours alone, and take their time.
        over_time = two_weeks() if texts == HOSTILE else []
        rows = [*over_time, *hostile(texts, MONDAY + (7 * 24 + 13) * HOUR)]
        write_report(write_lake(Path(directory) / "lake", rows), file, None, None)
        for width, dark, media in ((1280, False, ""), (390, False, ""), (1280, True, ""), (1040, False, "print")):
            seen = browser.open(file, width=width, dark=dark, media=media)
            told["ways"] += 1
            told["requests"] += len([url for url in seen.requests if url not in (file.as_uri(), "data:,")])
            told["console"] += len(seen.console)
            told["wide"] += len(page_checks.overflow(browser))
            page_checks.open_details(browser)
            told["active"] += len(page_checks.active(browser))
            told["structure"] += len(page_checks.structure(browser))
            told["pale"] += len(page_checks.contrast(browser)[1])
        told["cells"], told["executable"] = browser.evaluate(CELLS)
        told["scripts"] = browser.evaluate("document.scripts.length + Number(window.hacked !== undefined)")
        shown = browser.evaluate("document.body.textContent")
    readable = [visible(text) for text in texts if text.strip() and len(visible(text)) <= LONGEST]
    return told | {"readable": len(readable), "lost": sum(text not in shown for text in readable)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=len(HOSTILE))
    options = parser.parse_args()
    sys.stdout.write(json.dumps(look(HOSTILE[-options.most :])) + "\n")
