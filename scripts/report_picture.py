"""docs/report.png: the upper part of the report of the demo's lake, as Chromium draws it at 1280 pixels.

make demo && python -m scripts.report_picture
"""

import base64
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from reliability.chromium import Chromium

_ROOT: Final = Path(__file__).resolve().parent.parent
REPORT: Final = _ROOT / "demo-out" / "report.html"
PICTURE: Final = _ROOT / "docs" / "report.png"
_LAST: Final = "#project-to-project"


def main(report: Path = REPORT) -> int:
    """Write the picture; 2 where there is no report."""
    if not report.is_file():
        sys.stderr.write(f"report_picture: no {report}; run `make demo` first\n")
        return 2
    with tempfile.TemporaryDirectory() as directory, Chromium() as browser:
        # Under the directory's own name nobody's paths come into the picture.
        page = Path(shutil.copy(report, directory))
        browser.open(page)
        height = browser.evaluate(
            f"document.querySelector('{_LAST}').closest('section').getBoundingClientRect().bottom"
        )
        clip = {"x": 0, "y": 0, "width": 1280, "height": height + 16, "scale": 0.75}
        shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        PICTURE.write_bytes(base64.b64decode(shot["data"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
