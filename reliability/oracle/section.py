"""The bench as figures: worlds in two processes, each with its share of the cases.

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
from reliability.oracle.faults import Plant, Site
from reliability.oracle.world import World

_WORKERS: Final = 3  # on two cores: a fault in six waits for an answer that is late
_SLICE_WORKERS: Final = 2
_AT_ONCE: Final = 100  # cases that are judged together
_SLICE_FAULTS, _SLICE_DEATHS, _SLICE_DEPLOYMENTS = 20, 4, 4
_MOST_SHOWN: Final = 20


@dataclass
class Share:
    """What one worker found."""

    faults: list[Outcome] = field(default_factory=list)
    pairs: list[Outcome] = field(default_factory=list)
    clocks: list[Outcome] = field(default_factory=list)
    deaths: list[Outcome] = field(default_factory=list)
    attempted: Attempted | None = None
    planned: frozenset[Plant] = frozenset()


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
    kinds = Counter(outcome.case.split("/")[3] for outcome in faults)
    hit = {Plant.parse(outcome.case).site for outcome in faults}
    # Each worker finds for itself which calls there are: if they differed, a site could be nobody's.
    planned = frozenset[Plant]().union(*(one.planned for one in shares))
    sites = {plant.site for plant in planned}
    meaning = f"hit, of {len(sites)}: calls to AWS by part, operation, index"
    yield Figure("fault_sites", len(hit), "sites", meaning, *(("==", len(sites)) if is_full else ()))
    meaning = f"with one fault in them, of {len(planned)}: every kind at every site"
    yield Figure("fault_cases", len(faults), "runs", meaning, *(("==", len(planned)) if is_full else (">=", 1)))
    yield Figure(
        "faults_met", sum(outcome.met for outcome in faults), "runs", "in which the fault happened", "==", len(faults)
    )
    yield Figure("fault_rivals", kinds["rival"], "runs", "in which another process did the same work first", ">=", 1)
    yield Figure("faults_told", sum(outcome.said_failed > 0 for outcome in faults), "runs", "that said they had failed")
    yield Figure("pair_cases", len(pairs), "runs", "with two faults, drawn")
    yield Figure("clock_cases", len(clocks), "runs", "by a clock that is hours or days wrong")
    yield Figure("kill_cases", len(deaths), "processes", "to be ended before or after a request that changes something")
    yield Figure(
        "kills", sum(outcome.met for outcome in deaths), "processes", "ended there by SIGKILL", "==", len(deaths)
    )


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
    """One worker's part: of every ``of`` sites one with all its faults, and every ``of``-th case of the others."""
    logging.disable(logging.CRITICAL)  # what is planted is no news
    done = Share()
    with World() as world:
        bench = Bench(world)
        gc.freeze()  # the cloud's models and the clients', a great many, stay
        found = plan.single(bench.sites, bench.conditional)
        singles = [Case((plant,)) for plant in found if _worker(plant.site, of) == number]
        pairs, clocks, deaths = plan.pairs(found, seed), plan.clocks(), plan.deaths(bench.changing)
        if not is_full:
            singles = plan.some([Case((plant,)) for plant in found], _SLICE_FAULTS, seed)[number::of]
            deaths, pairs, clocks = plan.some(deaths, _SLICE_DEATHS, seed), [], []
        done.faults = _judged(bench, singles)
        done.pairs = _judged(bench, pairs[number::of])
        done.clocks = _judged(bench, clocks[number::of])
        done.deaths = _judged(bench, deaths[number::of])
        if number == 0:
            done.attempted = attempted(bench)
        with deployments(world) as deploying:
            more = plan.single(deploying.sites, deploying.conditional)
            cases = [Case((plant,)) for plant in more]
            cases = cases if is_full else plan.some(cases, _SLICE_DEPLOYMENTS, seed)
            done.faults += _told([deploying.run(case.plants[0]) for case in cases[number::of]])
        done.planned = frozenset((*found, *more))
        gc.unfreeze()  # DuckDB complains at exit of what was frozen
    return done


def _worker(site: Site, of: int) -> int:
    """Who has a site: the same for each worker, in whichever order calls are made at the same time."""
    return crc32(str(site).encode()) % of


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
    return int(not outcome.is_clean)


if __name__ == "__main__":
    sys.exit(main())
