"""``make accuracy``: simulate, enrich, look again, judge, print, write docs/accuracy.md. Exits 1 on a missed target."""

import argparse
import sys
import time
from pathlib import Path

from accuracy.baselines import Baselines
from accuracy.delivery import Delivery
from accuracy.happenings import happenings
from accuracy.judge import Judge
from accuracy.live import Environment, Inventories, Lake
from accuracy.names import Truth
from accuracy.outcome import Outcome
from accuracy.parameters import EPOCH, FULL, SMALL, Parameters
from accuracy.records import Recording
from accuracy.report import Report
from accuracy.scans import Refresher
from accuracy.traffic import Traffic
from accuracy.world import world_of

PAGE = Path(__file__).parent.parent / "docs" / "accuracy.md"
HOW_TO_READ = Path(__file__).parent / "how_to_read.md"


def measure(parameters: Parameters) -> Outcome:
    """Run the whole of it once."""
    begun = time.process_time()
    world = world_of(parameters)
    truth = Truth(world)
    traffic, recording = Traffic(world, parameters), Recording(world, parameters)
    records = recording.records(traffic)
    delivery = Delivery(world, truth, records, parameters)
    baselines = Baselines(world)
    inventories = Inventories(Refresher(world, parameters), parameters, baselines)
    environment = Environment(world, inventories, parameters)
    judge, lake = Judge(truth), Lake()
    outcome = Outcome(parameters, flows=len(delivery), baselines=baselines.tally)
    for batch in delivery.batches():
        inventories.run_until(batch.delivered)
        inventories.show_baselines(batch.delivered)
        enriched = environment.enrich(batch)
        judge.judge(enriched.rows, batch.truth, outcome.live)
        baselines.judge(batch.truth, batch.delivered)
        lake.put(enriched)
    end = parameters.flows_until_s + parameters.second_look_after_s
    inventories.run_until(end)
    source = environment.source(end + parameters.soft_ttl_s)
    if source is None:
        raise RuntimeError("accuracy: there is no snapshot for the second look; let the refresher run")
    for rows, known, counts in lake.second_look(source, environment.rules, EPOCH + end - parameters.keep_s):
        judge.judge(rows, known, outcome.after)
        outcome.happened.update({f"second look: sides {name}": number for name, number in counts.items()})
    outcome.happened.update(inventories.counts)
    outcome.happened["EC2 calls for misses"] = environment.reader.calls
    outcome.happened.update(happenings(world, traffic, recording, records, parameters))
    outcome.seconds = time.process_time() - begun
    return outcome


def main(arguments: list[str] | None = None) -> int:
    """Run, print, and write the page (full runs only)."""
    parser = argparse.ArgumentParser(prog="python -m accuracy.run", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few thousand flows, in seconds; writes no page")
    options = parser.parse_args(arguments)
    is_full = not options.small
    report = Report(measure(FULL if is_full else SMALL), is_full=is_full)
    sys.stdout.write(report.text())
    if is_full:
        PAGE.write_text(report.page(HOW_TO_READ.read_text()))
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
