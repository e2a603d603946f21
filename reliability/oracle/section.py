"""The bench as figures: worlds in some processes, each with its share of the cases.

python -m reliability.oracle.section --case stream/s3.PutObject/1/reset-after/always     one case, alone
"""

import argparse
import gc
import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from typing import Final
from zlib import crc32

from reliability.figures import Figure
from reliability.oracle import plan
from reliability.oracle.attempts import Attempted, attempted
from reliability.oracle.cases import Bench, Case, Outcome
from reliability.oracle.deployments import STAGE, deployments
from reliability.oracle.faults import CONDITIONAL, KINDS, Plant
from reliability.oracle.world import World

_WORKERS: Final = 4  # on two cores: a fault in six waits for an answer that is late
_SLICE_WORKERS: Final = 2
_AT_ONCE: Final = 100  # cases that are judged together
_SLICE_FAULTS, _SLICE_DEATHS, _SLICE_DEPLOYMENTS = 20, 4, 4
_MOST_SHOWN: Final = 20


@dataclass
class Share:
    """What one worker found. ``planned``: all cases that there are by its own clean run, whoever has them."""

    faults: list[Outcome] = field(default_factory=list)
    pairs: list[Outcome] = field(default_factory=list)
    clocks: list[Outcome] = field(default_factory=list)
    deaths: list[Outcome] = field(default_factory=list)
    attempted: Attempted | None = None
    planned: dict[str, frozenset[str]] = field(default_factory=dict)


def figures(*, is_full: bool, seed: int) -> Iterator[Figure]:
    """Every promise of the bench. What is not clean is told on the error stream, with the case that repeats it."""
    workers = _WORKERS if is_full else _SLICE_WORKERS
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        work = [pool.submit(share, number, workers, is_full=is_full, seed=seed) for number in range(workers)]
        shares = [one.result() for one in work]
    every = [outcome for one in shares for outcome in (*one.faults, *one.pairs, *one.clocks, *one.deaths)]
    yield from _of_cases(shares, is_full=is_full)
    yield from _of_rows(every)
    done = [one.attempted for one in shares if one.attempted is not None]
    yield Figure(
        "attempts",
        sum(one.attempts for one in done),
        "attempts",
        "of the same records, fresh ids, two processes",
        ">=",
        8,
    )
    yield Figure(
        "attempts_objects", sum(one.more_objects for one in done), "objects", "more or others than after one", "==", 0
    )
    yield Figure("attempts_rows", sum(one.other_rows for one in done), "rows", "more or others than after one", "==", 0)
    yield Figure("attempts_answers", sum(one.other_answers for one in done), "answers", "that differ", "==", 0)


def _of_cases(shares: Sequence[Share], *, is_full: bool) -> Iterator[Figure]:
    faults, pairs, clocks, deaths = (
        [outcome for one in shares for outcome in getattr(one, name)]
        for name in ("faults", "pairs", "clocks", "deaths")
    )
    # Each worker finds for itself which calls there are: if they differed, a case could be nobody's.
    planned = {name: frozenset[str]().union(*(one.planned[name] for one in shares)) for name in shares[0].planned}
    sites, hit = ({Plant.parse(case).site for case in cases} for cases in (planned["faults"], _cases(faults)))
    kinds = Counter(Plant.parse(outcome.case).kind for outcome in faults)

    def of_all(figure: str, name: str, found: Sequence[Outcome], unit: str, meaning: str) -> Figure:
        there_are = len(planned[name])
        bound = ("==", there_are) if is_full else ()
        return Figure(figure, len(_cases(found)), unit, f"{meaning}, of {there_are:,}", *bound)

    meaning = f"hit, of {len(sites)}: calls to AWS by part, operation, index"
    yield Figure("fault_sites", len(hit), "sites", meaning, *(("==", len(sites)) if is_full else ()))
    yield Figure("fault_kinds", len(kinds), "kinds", ", ".join(sorted(kinds)), "==", len({*KINDS, *CONDITIONAL}))
    yield of_all("fault_cases", "faults", faults, "cases", "with one fault in them, every kind at every site")
    yield Figure(
        "faults_met", sum(outcome.met for outcome in faults), "runs", "in which the fault happened", "==", len(faults)
    )
    yield Figure("fault_rivals", kinds["rival"], "runs", "in which another process did the same work first", ">=", 1)
    yield Figure("faults_told", sum(outcome.said_failed > 0 for outcome in faults), "runs", "that said they had failed")
    yield of_all("pair_cases", "pairs", pairs, "cases", "with two faults, drawn")
    yield of_all("clock_cases", "clocks", clocks, "cases", "by a clock that is hours or days wrong")
    told = "to be ended before or after a request that changes something"
    yield of_all("kill_cases", "deaths", deaths, "processes", told)
    killed = sum(outcome.met for outcome in deaths)
    yield Figure("kills", killed, "processes", "ended there by SIGKILL", "==", max(len(deaths), 1))


def _cases(found: Sequence[Outcome]) -> set[str]:
    return {outcome.case for outcome in found}


def _of_rows(every: Sequence[Outcome]) -> Iterator[Figure]:
    for name, meaning in (
        ("missing", "that readers miss, at once or in the end"),
        ("spurious", "that nobody sent"),
        ("corrupted", "that are not as sent, or tell what is not true"),
        ("doubled", "that the views count twice"),
    ):
        yield Figure(f"oracle_{name}", sum(getattr(one.verdict, name) for one in every), "rows", meaning, "==", 0)
    yield Figure(
        "oracle_wrong", sum(len(one.wrong) for one in every), "findings", "beside rows: stuck, rejects lost", "==", 0
    )
    yield Figure(
        "raw_duplicates",
        sum(one.raw_duplicates for one in every),
        "rows",
        "twice in raw objects, once in views",
        ">=",
        1,
    )
    yield Figure(
        "unnamed", sum(one.verdict.unnamed for one in every), "rows", "of which a side stays unnamed after a fault"
    )


def share(number: int, of: int, *, is_full: bool, seed: int) -> Share:
    """One worker's part of all cases, or of those drawn for a slice."""
    logging.disable(logging.CRITICAL)  # what is planted is no news
    done = Share()
    with World() as world, deployments(world) as deploying:
        bench = Bench(world)
        gc.freeze()  # the cloud's models and the clients', a great many, stay
        found = plan.single(bench.sites, bench.conditional)
        faults, deaths = [Case((plant,)) for plant in found], plan.deaths(bench.changing)
        pairs, clocks = plan.pairs(found, seed), plan.clocks()
        more = [Case((plant,)) for plant in plan.single(deploying.sites, deploying.conditional)]
        done.planned = {
            name: frozenset(map(str, cases))
            for name, cases in (("faults", faults + more), ("pairs", pairs), ("clocks", clocks), ("deaths", deaths))
        }
        if not is_full:
            faults, more = plan.some(faults, _SLICE_FAULTS, seed), plan.some(more, _SLICE_DEPLOYMENTS, seed)
            deaths, pairs, clocks = plan.some(deaths, _SLICE_DEATHS, seed), [], []
        done.faults, done.pairs, done.clocks, done.deaths = (
            _judged(bench, [case for case in cases if _worker(case, of) == number])
            for cases in (faults, pairs, clocks, deaths)
        )
        if number == 0:
            done.attempted = attempted(bench)
        done.faults += _told([deploying.run(case.plants[0]) for case in more if _worker(case, of) == number])
        gc.unfreeze()  # DuckDB complains at exit of what was frozen
    return done


def _worker(case: Case, of: int) -> int:
    """Who has a case: the same for each worker, and for all kinds at one site, which leave the same behind."""
    name = str(case.plants[0].site) if case.plants else str(case)
    return crc32(name.encode()) % of


def _judged(bench: Bench, cases: Sequence[Case]) -> list[Outcome]:
    found: list[Outcome] = []
    for first in range(0, len(cases), _AT_ONCE):
        _tell_progress(first, len(cases))
        found += _told(bench.judged([bench.run(case) for case in cases[first : first + _AT_ONCE]]))
    return found


def _tell_progress(done: int, number: int) -> None:
    """Where a person watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"  oracle: {done} of {number} cases of this worker\n")


def _told(outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """The same; what is not clean is told at once."""
    for outcome in [outcome for outcome in outcomes if not outcome.is_clean][:_MOST_SHOWN]:
        sys.stderr.write(f"{json.dumps(asdict(outcome))}\n")
    return outcomes


def main() -> int:
    """One case, told whole."""
    parser = argparse.ArgumentParser(prog="python -m reliability.oracle.section")
    parser.add_argument("--case", required=True, help="as it was told: stage/service.Operation/index/kind/once, …")
    text = parser.parse_args().case
    logging.disable(logging.CRITICAL)
    with World() as world:
        if text.startswith(f"{STAGE}/"):
            with deployments(world) as deploying:
                outcome = deploying.run(Plant.parse(text))
        else:
            bench = Bench(world)
            (outcome,) = bench.judged([bench.run(Case.parse(text))])
    sys.stdout.write(f"{json.dumps(asdict(outcome))}\n")
    planted = len(Case.parse(text).plants) + (Case.parse(text).death is not None)
    if outcome.met < planted:
        sys.stderr.write(f"case {text}: {planted - outcome.met} of it did not happen; is there such a call?\n")
    return int(not outcome.is_clean or outcome.met < planted)


if __name__ == "__main__":
    sys.exit(main())
