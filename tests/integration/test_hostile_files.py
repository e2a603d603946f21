"""The judges of hostile files can fail; and a sample of the files, as `make check` reads them by the thousand."""

import subprocess
import sys
from random import Random as Seeded

import pytest

from reliability.hostile_files import pointers, section, snapshots
from reliability.hostile_files.documents import Findings as Documents
from reliability.hostile_files.formats import Findings as Formats
from reliability.hostile_files.hot_path import HotPath
from reliability.hostile_files.planted import defects
from reliability.hostile_files.worker import Worker


def seeded() -> Seeded:
    """The same each time."""
    return Seeded(2)  # noqa: S311 - no secret


def test_every_planted_defect_is_seen():
    """Wrong names, lost rows, crashes, a forgotten inventory, formats misread: one each."""
    found = dict(defects())

    assert [name for name, was_seen in found.items() if not was_seen] == []
    assert len(found) == 11


def test_a_process_that_ends_midway_has_told_what_it_found_and_where_it_was():
    """Its last whole line of figures counts, and the case it was at is named; the others' figures are not lost."""
    program = """if True:
        import json, os
        print(json.dumps({"tried": {"snapshot": 7}, "refused": {}, "wrong": 1, "peak": 0, "findings": ["odd"]}))
        print("snapshot: upside down")
        print('{"tried": {"sna', end="", flush=True)
        os.abort()
    """
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - own program
        told = section.listened("worker 0 2", process)

    assert told["tried"] == {"snapshot": 7}
    assert told["findings"] == ["odd"]
    assert told["ended"].startswith("worker 0 2: -6, snapshot: upside down")


def test_an_error_that_nobody_looked_for_is_a_finding_and_the_next_case_is_tried(monkeypatch, capsys):
    """A worker whose every case breaks its judge tries all of them, names each, and tells its counts."""
    monkeypatch.setattr(HotPath, "findings", lambda *_, **__: (1 // number for number in [0]))
    monkeypatch.setattr("reliability.hostile_files.snapshots.cases", lambda *_, **__: iter(()))

    told = Worker(1, 30, 2, is_full=False).run()

    assert told["tried"]["pointer"] == told["wrong"] > 3
    assert all(each.startswith("pointer: ") and "ended in ZeroDivisionError" in each for each in told["findings"])
    assert "pointer: cut off" in capsys.readouterr().out.splitlines()


@pytest.mark.slow
def test_hostile_formats_and_documents_are_refused_by_name_or_read_for_what_they_say():
    """Some of each kind."""
    formats, documents = Formats(), Documents()

    assert list(formats.look(seeded(), is_full=False)) == []
    assert list(documents.read()) == []
    assert list(documents.named(seeded(), 3)) == []
    assert formats.tried > formats.refused > 0
    assert documents.tried > documents.refused > 0


@pytest.mark.slow
@pytest.mark.parametrize("family", [pointers, snapshots])
def test_a_hostile_inventory_costs_its_own_freshness_and_no_row(family):
    """A few of each family, before an environment that had a good one."""
    path = HotPath()
    found = seeded().sample(list(family.cases(path.good, seeded(), is_full=False)), 8)

    assert [finding for case in found for finding in path.findings(case, is_cold_too=False)] == []
