"""``python -m workbench.estate``: write an estate, its traffic and the truth into a directory."""

import argparse
import sys
from pathlib import Path

import pyarrow.parquet as pq

from enricher.errors import EnricherError
from workbench.estate.distributions import PRESETS, describe
from workbench.estate.estate import build_estate
from workbench.estate.traffic import DEFAULT_FIELDS, generate_traffic

# Thursday 2025-11-20 10:00 UTC, an hour of traffic: fixed, so that the same command always writes the same bytes.
START = 1_763_632_800
SECONDS = 3_600


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 done, 2 usage (one line on stderr)."""
    options = _parser().parse_args(arguments)
    if options.describe:
        print(describe(), end="")
        return 0
    if options.out is None:
        print("estate: no --out DIR; name a directory to write to", file=sys.stderr)
        return 2
    try:
        _write(options)
    except (EnricherError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _write(options: argparse.Namespace) -> None:
    estate = build_estate(PRESETS[options.preset], options.seed)
    fields = options.fields.split() if options.fields else DEFAULT_FIELDS
    traffic = generate_traffic(estate, options.seed, options.start, options.seconds, options.flows, fields)
    estate.write(options.out / "inventory")
    (options.out / "flows.log").write_text("\n".join((traffic.header, *traffic.lines, "")), encoding="ascii")
    pq.write_table(traffic.truth, options.out / "truth.parquet", compression="zstd")
    print(
        f"estate {options.preset} {traffic.digest}: {len(estate.interfaces)} interfaces, {len(traffic.lines)} lines of "
        f"{traffic.truth.num_rows} flow-windows in {options.out}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workbench.estate", description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="demo")
    parser.add_argument("--out", type=Path, help="directory for inventory/, flows.log and truth.parquet")
    parser.add_argument("--flows", type=int, default=12_000, help="connections (a flow and its answer each)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=START, help="Unix seconds")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--fields", help="log format as a header line; default: version 5, documented order")
    parser.add_argument("--describe", action="store_true", help="print the distributions as Markdown instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
