"""`python -m bench.page [SECTION…]`: run benches, record what they say, write docs/performance.md and its picture.

Without a section nothing is measured: page and picture are written again from ``bench/performance.json``.
"""

import json
import operator
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.compacted import COLUMNS_TOLD
from bench.curves import Curve
from bench.drawing import SERIES, number, svg
from bench.parts import markdown
from bench.recorded import everything, record

_DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
PAGE: Final = _DOCS / "performance.md"
PICTURE: Final = _DOCS / "performance.svg"
# Section → the module that prints its figures as one JSON object in its last line.
SECTIONS: Final = {
    "usual": "bench.run",
    "curves": "bench.curves",
    "parts": "bench.parts",
    "compacted": "bench.compacted",
    "cost": "bench.cost",
    "soak": "bench.soak",
}
REPEATED: Final = {"usual": 3}  # runs of which the middle is recorded, figure by figure; of others one
_TITLE: Final = "Microseconds a line: the handler's and the floor's, over what grows"
_HEAD: Final = """# Performance

Written by `python -m bench.page` from what the benches last recorded in `bench/performance.json`; do not edit. Each
section says from which commit, when, on what machine, and from what material (a hash of the generator's numbers, or of
the lines). Times are processor time of one core; ratios are medians of runs in turn. *Floor*: Arrow reads the same
lines and writes them as Parquet, and nothing is decoded or looked up. What was tried and did not pay:
[bench/README.md](../bench/README.md).
"""
_NEAR: Final = 0.1
_SIGNS: Final[dict[str, tuple[str, Callable[[float, float], bool]]]] = {
    ">=": ("at least", operator.ge),
    "<=": ("at most", operator.le),
    "=": ("within 10 % of", lambda value, bound: abs(value - bound) <= _NEAR * bound),
}
# What is asked for (issue 6): section, figure, sign, bound, words.
ASKED: Final = (
    ("usual", "handler_to_floor", ">=", 0.50, "handler to floor, 29 fields"),
    ("usual", "handler_to_floor_all_fields", ">=", 0.45, "handler to floor, 54 fields"),
    ("usual", "handler_to_duckdb", ">=", 1.5, "handler to DuckDB, one thread"),
    ("usual", "handler_to_loop", ">=", 8, "handler to a loop over records"),
    ("usual", "record_of_24000_to_record_of_2000", "=", 1, "a record of 24,000 to one of 2,000"),
    ("usual", "bad_lines_1_percent", "<=", 1.25, "time with 1 % bad lines to time without"),
    ("usual", "object_to_gzip", "<=", 1.2, "object to `gzip -6` of its lines, the worst of four"),
    ("usual", "objects_to_gzip", "<=", 1.2, "the four objects to `gzip -6` of their lines, together"),
    ("compacted", "compacted_to_gzip", "<=", 0.7, "the same after compaction"),
    ("usual", "import_to_pyarrow_and_s3", "<=", 1.5, "import of the handler to that of pyarrow and an S3 client"),
    (
        "usual",
        "import_with_client_to_pyarrow_and_s3",
        "<=",
        1.5,
        "the same, with the S3 client that its first batch makes",
    ),
    ("usual", "first_invocation_s", "<=", 1.5, "first invocation after import, s"),
    ("usual", "ec2_calls_warm", "<=", 0, "EC2 calls of a warm batch"),
    ("soak", "ec2_calls", "<=", 0, "EC2 calls of 10,000 warm batches"),
    (
        "soak",
        "s3_reads_between_renewals",
        "<=",
        0,
        "S3 reads of 10,000 warm batches, between renewals of the inventory",
    ),
    ("soak", "rss_last_to_first_quarter", "<=", 1.02, "memory, last quarter of 10,000 batches to the first"),
    ("soak", "rss_growth", "<=", 0.5, "memory's slope, MB a thousand batches (our own bound)"),
    ("cost", "lambda", "<=", 2, "Lambda, dollars a raw TB"),
    ("cost", "lambda_and_s3", "<=", 5, "Lambda and S3 requests, dollars a raw TB"),
)


def page(sections: Mapping[str, Any]) -> str:
    """The page's text."""
    parts = [_HEAD, *_targets(sections)]
    for name, write in _WRITERS.items():
        if name in sections:
            parts += write(sections[name]["figures"], _from(name, sections[name]))
    return "\n".join(parts).rstrip() + "\n"


def picture(sections: Mapping[str, Any]) -> str:
    """The picture's text."""
    return svg([Curve.read(told) for told in sections["curves"]["figures"]], _TITLE)


def _from(name: str, section: Mapping[str, Any]) -> str:
    figures = section["figures"]
    material = f", material {figures['material']}" if "material" in figures else ""
    return f"`python -m {SECTIONS[name]}` at {section['commit']}, {section['at']}; {section['machine']}{material}."


def _targets(sections: Mapping[str, Any]) -> list[str]:
    lines = ["## What is asked for, and what is reached", "", "| figure | asked | reached | |", "|---|---:|---:|---|"]
    for section, figure, sign, bound, words in ASKED:
        if section not in sections:
            continue
        figures = sections[section]["figures"]
        value = figures["judged"][figure] if section == "cost" else figures[figure]
        word, is_met = _SIGNS[sign]
        reached = f"{value:.4g}"
        if figure in figures.get("least", {}) and figures["least"][figure] != figures["most"][figure]:
            reached += f" ({figures['least'][figure]:.3g} to {figures['most'][figure]:.3g})"
        lines.append(f"| {words} | {word} {bound:g} | {reached} | {'met' if is_met(value, bound) else '**missed**'} |")
    where = [f"`{SECTIONS[name]}` at {sections[name]['commit']}" for name in SECTIONS if name in sections]
    read = (
        f"From {', '.join(where)}. Where two figures stand in brackets, it is the middle of {REPEATED['usual']} runs,"
        " and these are the least and the most. A figure as near to its bound as they are to each other is neither met"
        " nor missed for certain: others use the machine too."
    )
    return [*lines, "", read, ""]


def _curves(figures: Sequence[Mapping[str, Any]], told: str) -> list[str]:
    lines = [
        "## How a line's cost scales",
        "",
        told,
        "At a point handler and floor run in turn; points are seconds to a minute apart. Where both lines rise or fall",
        "together, it is the machine: what is judged above is of runs in turn, not of two points of a curve.",
        "",
        f"![{_TITLE}; the tables below have the figures](performance.svg)",
    ]
    for each in figures:
        curve = Curve.read(each)
        names = [name for name, (_, of) in SERIES.items() if any(of(point) is not None for point in curve.points)]
        lines += [
            "",
            f"**{curve.axis.capitalize()}** ({curve.batch}; material {', '.join(curve.materials)}), µs a line",
            "",
        ]
        lines += ["|  |" + "".join(f" {number(point.x)} |" for point in curve.points)]
        lines += ["|---|" + "---:|" * len(curve.points)]
        for name in names:
            words, of = SERIES[name]
            lines.append(f"| {words.partition(':')[0]} |" + "".join(f" {of(point):.2f} |" for point in curve.points))
    return [*lines, ""]


def _parts(figures: Mapping[str, Any], told: str) -> list[str]:
    return [
        "## Where a batch's time goes",
        "",
        told,
        "Four batches of 8,000 records of 29 fields in turn, lower quartiles.",
        "Cold: the first batch of an environment, imports left out, medians of five.",
        "",
        *markdown(figures["warm"], figures["cold"]),
        "",
    ]


def _compacted(figures: Mapping[str, Any], told: str) -> list[str]:
    share = figures["gzip_bytes"]
    lines = ["## After compaction", "", told, ""]
    lines.append(
        f"An hour of {figures['rows']:,} rows: raw lines {figures['raw_bytes']:,} bytes, their gzip {share:,};"
        f" compacted {figures['compacted_bytes']:,} ({figures['compacted_to_gzip']:.3f} of gzip), `flows_hourly`"
        f" {figures['hourly_bytes']:,} ({figures['hourly_to_gzip']:.4f}). A core compacts"
        f" {figures['rows_per_cpu_s']:,.0f} rows a second when it has done so once (the first time"
        f" {figures['rows'] / figures['first_cpu_s']:,.0f}). The largest columns:"
    )
    lines += ["", "| column | bytes a row | of gzip |", "|---|---:|---:|"]
    for name, size in list(figures["columns"].items())[:COLUMNS_TOLD]:
        lines.append(f"| `{name}` | {size / figures['rows']:.2f} | {size / share:.3f} |")
    rest = sum(list(figures["columns"].values())[COLUMNS_TOLD:])
    return [*lines, f"| all others | {rest / figures['rows']:.2f} | {rest / share:.3f} |", ""]


def _cost(figures: Mapping[str, Any], told: str) -> list[str]:
    lines = ["## Dollars a raw TB", "", told, "A raw TB is 1e12 bytes of flow log lines, not compressed.", ""]
    lines += ["| item | US dollars |", "|---|---:|"]
    lines += [f"| {name} | {usd:.2f} |" for name, usd in figures["items"].items()]
    lines.append(f"| **ours, together** | **{sum(figures['items'].values()):.2f}** |")
    lines += [f"| {name} | {usd:.2f} |" for name, usd in figures["aws"].items()]
    lines += [
        "",
        "Left out: what is kept, CloudWatch, the refresher ([operating](operating.md) has them). Compaction is",
        "measured on one hour of large objects without hours beside it, whose rows a real one reads too. Athena: as if",
        "every query read `flows_hourly` whole. Of one commit a batch took 38, 46 and 63 ms of processor time in three",
        "benches within two minutes here, so what lies within a fifth of its bound is neither met nor missed for",
        "certain. Times are lower quartiles of each batch's runs, since other work on the machine is none of Lambda's.",
    ]
    medians = figures["by_median"]
    lines.append(f"By their medians: Lambda {medians['lambda']:.2f}, with S3 requests {medians['lambda_and_s3']:.2f}.")
    lines += ["", "Nobody has measured Lambda's vCPU beside this machine's core; Lambda by how much slower it is:", ""]
    slow = figures["by_slowdown"]
    lines += ["| slower by |" + "".join(f" {each} |" for each in slow), "|---|" + "---:|" * len(slow)]
    lines.append("| Lambda |" + "".join(f" {each['lambda']:.2f} |" for each in slow.values()))
    lines.append("| Lambda and S3 requests |" + "".join(f" {each['lambda_and_s3']:.2f} |" for each in slow.values()))
    lines += ["", "```text", *figures["formula"]]
    for group in ("measured", "assumed"):
        lines += ["", *(f"{group}: {name} = {value:.6g}" for name, value in figures[group].items())]
    lines += [
        "```",
        "",
        f"List prices of {figures['region']} as of {figures['as_of']}, read in copies and by third parties:",
        "",
    ]
    lines += ["| price | US dollars | of | from |", "|---|---:|---|---|"]
    for name, price in figures["prices"].items():
        usd = f"{price['usd']:.10f}".rstrip("0")
        lines.append(f"| `{name}` | {usd} | {price['what']} | {price['from']} |")
    return [*lines, ""]


def _soak(figures: Mapping[str, Any], told: str) -> list[str]:
    words = (
        f"{figures['batches']:,} batches: {figures['rss']:.0f} MB at the end; the middle of the last quarter is"
        f" {figures['rss_last_to_first_quarter']:.4f} of the first one's, the slope {figures['rss_growth']:.3f} MB a"
        f" thousand batches. {figures['s3_reads']:.0f} S3 reads, all where the inventory's TTL had passed; EC2 calls:"
        f" {figures['ec2_calls']:.0f}."
    )
    return ["## Memory over 10,000 batches", "", told, words, ""]


_WRITERS: Final[dict[str, Callable[[Any, str], list[str]]]] = {
    "curves": _curves,
    "parts": _parts,
    "compacted": _compacted,
    "cost": _cost,
    "soak": _soak,
}


def run_section(name: str) -> None:
    """Run a section's bench, each run as a process of its own, its words shown; record its figures.

    A missed target is a figure like others; what has none has failed.
    """
    record(name, middle([_run(name) for _ in range(REPEATED.get(name, 1))]))


def middle(runs: Sequence[Any]) -> Any:
    """The figures of several runs as one: the median of each, and beside them the ``least`` and the ``most``."""
    if len(runs) == 1:
        return runs[0]
    numbers = [name for name, value in runs[0].items() if isinstance(value, int | float)]
    values = {name: [run[name] for run in runs] for name in numbers}
    return {
        **runs[0],
        **{name: statistics.median(each) for name, each in values.items()},
        "least": {name: min(each) for name, each in values.items()},
        "most": {name: max(each) for name, each in values.items()},
    }


def _run(name: str) -> Any:
    process = subprocess.Popen([sys.executable, "-m", SECTIONS[name]], stdout=subprocess.PIPE, text=True)
    last = ""
    for line in process.stdout or ():
        last = line
        if not line.startswith(("{", "[")):
            print(line, end="", flush=True)
    process.wait()
    try:
        return json.loads(last)
    except ValueError as error:
        raise SystemExit(f"page: {SECTIONS[name]} ended without its figures; run it alone to see why") from error


def write() -> None:
    """Page and picture, from what is recorded."""
    sections = everything()
    PAGE.write_text(page(sections), "utf-8")
    if "curves" in sections:
        PICTURE.write_text(picture(sections), "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and record the sections named, then write."""
    names = list(sys.argv[1:] if arguments is None else arguments)
    if unknown := sorted(set(names) - set(SECTIONS)):
        print(f"page: no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    for name in names:
        run_section(name)
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
