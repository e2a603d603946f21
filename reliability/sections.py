"""What ``make check`` looks at, in order. A section yields its figures as it finds them.

To add one: write a module with a function from the scale to figures, and list it here.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from reliability import compaction, injection, report
from reliability.bounds import section as bounds
from reliability.figures import Figure
from reliability.fuzz import section as fuzz
from reliability.hostile_files import section as hostile_files
from reliability.oracle import section as oracle
from reliability.runtime import scenarios


class Scale(NamedTuple):
    """How much is done: ``is_full`` for `make check`; a slice of it, some two minutes in all, for every change."""

    is_full: bool
    seed: int


class Section(NamedTuple):
    """Its name for the command line, its title and what it is about for the page."""

    name: str
    title: str
    about: str
    figures: Callable[[Scale], Iterator[Figure]]


SECTIONS: Final = (
    Section(
        "runtime",
        "In AWS's runtime client",
        "The built artefact, run by AWS's own client in a process that sees nothing else, under the function's memory "
        "as a hard limit (a control group where one can be made, else RLIMIT_DATA).",
        lambda scale: scenarios.figures(is_full=scale.is_full),
    ),
    Section(
        "compaction",
        "Compaction, killed",
        "A compactor as a process over HTTP, ended by SIGKILL before each request that changes something, then late "
        "objects, a crawl and another run. Readers look after the kill and after that run.",
        lambda scale: compaction.figures(is_full=scale.is_full),
    ),
    Section(
        "fuzz",
        "A million records, fuzzed",
        "Delivery records of every wrapping, log format and damage, each made together with what must come of it, "
        "through the function's environment in batches of any size: into the lake, and in JSON mode into the answer.",
        lambda scale: fuzz.figures(is_full=scale.is_full, seed=scale.seed),
    ),
    Section(
        "oracle",
        "Under faults and kills",
        "A producer whose flows are known by name, a delivery stream that tries four times, the function, the "
        "refresher, replay, compaction and the deployment function over HTTP. Each case plants one fault on the wire, "
        "or two, or kills a process, or sets a clock wrong; then the part runs again if it said that it failed, the "
        "others follow, and after each step the views are held against what was sent.",
        lambda scale: oracle.figures(is_full=scale.is_full, seed=scale.seed),
    ),
    Section(
        "bounds",
        "At the bounds",
        "Gzip bombs, each in a process of its own; the largest records, events and answers; next to no time left; one "
        "record that cannot be read at every place of a batch.",
        lambda scale: bounds.figures(is_full=scale.is_full, seed=scale.seed),
    ),
    Section(
        "hostile",
        "Hostile files",
        "Log formats, inventory documents, snapshots and pointers as an enemy or an accident writes them: each ends in "
        "a named error and the last good inventory, or is taken without a wrong name. Rows stay, memory is bounded.",
        lambda scale: hostile_files.figures(is_full=scale.is_full, seed=scale.seed),
    ),
    Section(
        "report",
        "The report, in a browser",
        "A report of a lake whose every name is of the corpus of hostile values, opened in headless Chromium: what it "
        "asks for, its console, elements, contrast and labels.",
        lambda scale: report.figures(is_full=scale.is_full),
    ),
    Section(
        "injection",
        "Hostile values on their way",
        "Formulas, script, quotes, line ends, marks of direction, control characters, SQL and paths in tags, log "
        "fields, record ids and parameters: through the function, the lake, the saved queries, explain and inventory.",
        lambda scale: injection.figures(is_full=scale.is_full),
    ),
)
