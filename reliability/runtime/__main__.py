"""``python -m reliability.runtime build/host``: the runtime's figures alone; 1 if one is missed."""

import sys
from pathlib import Path

from reliability.runtime.scenarios import Scenarios


def main(tree: str) -> int:
    """Print each figure as it is found."""
    missed = 0
    for figure in Scenarios(Path(tree).resolve()).figures():
        print(figure, "-", figure.meaning, flush=True)
        missed += not figure.is_met
    return int(missed > 0)


sys.exit(main(*sys.argv[1:]))
