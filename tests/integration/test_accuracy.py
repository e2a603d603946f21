"""The measure of accuracy, reduced: no proof is wrong; and the judge catches what is planted."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from accuracy.baselines import Baselines
from accuracy.delivery import Delivery
from accuracy.judge import Judge, Tally
from accuracy.live import Environment, Inventories
from accuracy.names import Truth
from accuracy.outcome import Outcome
from accuracy.parameters import SMALL
from accuracy.records import CHANGED, NOBODY, Recording
from accuracy.report import OCCURRED, PROOF, Report
from accuracy.run import measure
from accuracy.scans import Refresher
from accuracy.topology import ACCOUNTS
from accuracy.traffic import Traffic
from accuracy.world import Columns, world_of

FEW = replace(SMALL, flow_minutes=4, seed=7)
ASPECTS = ("resource", "tags", "vpc", "az")


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """One reduced run, all of the real code in it."""
    return measure(SMALL)


@pytest.fixture(scope="module")
def answers() -> tuple[Judge, pa.Table, Columns]:
    """Some minutes of rows as they were answered, their truth, and its judge."""
    world = world_of(FEW)
    truth = Truth(world)
    records = Recording(world, FEW).records(Traffic(world, FEW))
    inventories = Inventories(Refresher(world, FEW), FEW, Baselines(world))
    environment = Environment(world, inventories, FEW)
    tables, truths = [], []
    for batch in Delivery(world, truth, records, FEW).batches():
        inventories.run_until(batch.delivered)
        tables.append(environment.enrich(batch).rows)
        truths.append(batch.truth)
    known = Columns({name: np.concatenate([each.of[name] for each in truths]) for name in truths[0].of})
    return Judge(truth), pa.concat_tables(tables).unify_dictionaries().combine_chunks(), known


def judged(judge: Judge, rows: pa.Table, truth: Columns) -> Tally:
    """The verdicts on these rows."""
    tally = Tally()
    judge.judge(rows, truth, tally)
    return tally


def planted(rows: pa.Table, column: str, row: int, value: Any) -> pa.Table:
    """The rows with another value in one place."""
    field = rows.schema.field(column)
    values = rows[column].to_pylist()
    values[row] = value
    type_ = field.type if pa.types.is_map(field.type) else pa.string()
    return rows.set_column(rows.column_names.index(column), column, pa.array(values, type_))


def first_proven(rows: pa.Table, truth: Columns) -> int:
    """A row whose source is proven and is ours."""
    evidence = rows["src_evidence"].to_pylist()
    tagged = rows["src_tags"].to_pylist()
    return next(n for n, e in enumerate(evidence) if e == "snapshot" and truth.src[n] >= 0 and tagged[n])


@pytest.mark.parametrize("aspect", ASPECTS)
def test_no_proof_is_wrong_live_nor_after_the_second_look(outcome, aspect):
    """Record, peer record, snapshot, EC2, IPAM; for VPC and AZ the subnet too."""
    evidences = (*PROOF, "subnet") if aspect in ("vpc", "az") else PROOF
    examples = outcome.live.proof_examples(evidences) + outcome.after.proof_examples(evidences)

    for tally in (outcome.live, outcome.after):
        assert {e: tally.wrong[e, aspect] for e in evidences if tally.wrong[e, aspect]} == {}, examples


def test_every_kind_of_proof_was_judged(outcome):
    """A kind of evidence that does not occur is not measured."""
    assert [evidence for evidence in PROOF if not outcome.after.of_evidence(evidence)["right"]] == []


def test_what_must_occur_occurred(outcome):
    """Reuse, moves, overlap, failed scans, the outage, and scans compared with documents."""
    assert {name: outcome.happened[name] for name in OCCURRED if outcome.happened[name] < 1} == {}


def test_every_side_is_judged_once_a_look(outcome):
    """Two sides a flow, in every tally."""
    for tally in (outcome.live, outcome.after):
        assert tally.sides.total() == 2 * outcome.flows
    for name in ("owner_now", "owner_now_in_vpc", "ttl_cache", "recorders_tags"):
        assert sum(count for (told, *_), count in outcome.baselines.items() if told == name) == 2 * outcome.flows


def test_the_simpler_programs_are_worse(outcome):
    """Else the measure would not measure what this project is for."""
    ours = outcome.live.verdicts()["wrong"]
    for name in ("owner_now", "owner_now_in_vpc", "ttl_cache", "recorders_tags"):
        assert outcome.baselines[name, "src", "wrong"] + outcome.baselines[name, "dst", "wrong"] > ours


def test_the_report_misses_a_target_when_one_proof_is_wrong(outcome):
    """One wrong side of two is enough; without it the proofs are good."""
    bad = replace(outcome.live, wrong=Counter({("snapshot", "az"): 1}))

    assert not Report(replace(outcome, live=bad), is_full=False).is_good


def test_the_report_misses_a_target_when_something_did_not_occur(outcome):
    """A world without failed scans proves nothing about them."""
    happened = Counter({name: count for name, count in outcome.happened.items() if name != "failed scans"})

    assert not Report(replace(outcome, happened=happened), is_full=False).is_good


def test_a_full_run_misses_its_target_with_too_few_flows(outcome):
    """What a full run must show is not asked of a reduced one."""
    figures = {figure.name: figure for figure in Report(outcome, is_full=True).figures}

    assert figures["flows"].is_good is False
    assert Report(outcome, is_full=False).figures[0].is_good


@pytest.mark.parametrize(
    ("column", "value", "aspect"),
    [
        ("src_az_id", "euc1-az9", "az"),
        ("src_vpc_id", "vpc-elsewhere", "vpc"),
        ("src_subnet_id", "subnet-elsewhere", "vpc"),
        ("src_account_id", "999999999999", "vpc"),
        ("src_interface_id", "eni-other", "resource"),
        ("src_instance_id", "i-other", "resource"),
        ("src_resource_type", "lambda", "resource"),
        ("src_resource_id", "i-other", "resource"),
        ("src_name", "somebody else", "tags"),
        ("src_project", "other", "tags"),
        ("src_tags", [("Name", "somebody else")], "tags"),
        ("src_tags", [("a key that nobody has", "x")], "tags"),
    ],
)
def test_one_planted_wrong_value_is_caught(answers, column, value, aspect):
    """In one row of thousands, whatever the column."""
    judge, rows, truth = answers
    before = judged(judge, rows, truth)
    after = judged(judge, planted(rows, column, first_proven(rows, truth), value), truth)

    assert after.wrong - before.wrong == Counter({("snapshot", aspect): 1})
    assert after.verdicts()["wrong"] == before.verdicts()["wrong"] + 1


@pytest.mark.parametrize("column", ["src_az_id", "src_name", "src_tags", "src_instance_id"])
def test_what_is_not_told_is_not_wrong(answers, column):
    """A null is unknown."""
    judge, rows, truth = answers
    after = judged(judge, planted(rows, column, first_proven(rows, truth), None), truth)

    assert after.wrong == judged(judge, rows, truth).wrong


def test_some_of_the_right_tags_are_not_wrong(answers):
    """What is told of the tags is true."""
    judge, rows, truth = answers
    row = first_proven(rows, truth)
    some = rows["src_tags"][row].as_py()[-1:]

    assert judged(judge, planted(rows, "src_tags", row, some), truth).wrong == judged(judge, rows, truth).wrong


@pytest.mark.parametrize("owner", [CHANGED, NOBODY])
def test_an_answer_is_wrong_where_no_owner_had_the_address_all_the_time(answers, owner):
    """Naming either of two owners is wrong, and so is naming anybody for a stranger's address."""
    judge, rows, truth = answers
    row = first_proven(rows, truth)
    owners, places = truth.src.copy(), truth.src_place.copy()
    owners[row] = owner
    places[row] = -1 if owner == NOBODY else places[row]
    told = judged(judge, rows, Columns(truth.of | {"src": owners, "src_place": places}))

    assert told.wrong["snapshot", "resource"] == judged(judge, rows, truth).wrong["snapshot", "resource"] + 1
    assert told.wrong["snapshot", "vpc"] == (owner == NOBODY) + judged(judge, rows, truth).wrong["snapshot", "vpc"]


def test_a_scan_that_differs_from_its_documents_is_found():
    """Scans are built from columns; a sample of each is compared with what ``tables_of`` makes of documents."""
    refresher = Refresher(world_of(FEW), FEW)
    for account in range(len(ACCOUNTS)):
        scan = refresher.scan(account, 700.4)
        assert refresher.difference(account, 700.4, scan) is None
        for name in ("az_id", "subnet_id"):
            wrong = pa.array(["elsewhere"] * scan.interfaces.num_rows)
            table = scan.interfaces.set_column(scan.interfaces.column_names.index(name), name, wrong)
            assert refresher.difference(account, 700.4, replace(scan, interfaces=table))
        late = pa.array([1] * scan.addresses.num_rows, pa.int64())
        table = scan.addresses.set_column(scan.addresses.column_names.index("valid_from"), "valid_from", late)
        assert refresher.difference(account, 700.4, replace(scan, addresses=table))


def test_the_same_seed_gives_the_same_world():
    """A figure can be had again."""
    one, other = world_of(FEW), world_of(FEW)

    assert all((one.ends.of[name] == other.ends.of[name]).all() for name in one.ends.of)
    assert not np.array_equal(world_of(replace(FEW, seed=8)).interfaces.born, one.interfaces.born)
    assert replace(FEW, seed=8).digest != FEW.digest
