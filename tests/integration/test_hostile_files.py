"""The judges of hostile files can fail; and a sample of the files, as `make check` reads them by the thousand."""

from random import Random as Seeded

import pytest

from reliability.hostile_files import pointers, snapshots
from reliability.hostile_files.documents import Findings as Documents
from reliability.hostile_files.formats import Findings as Formats
from reliability.hostile_files.hot_path import HotPath
from reliability.hostile_files.planted import defects


def seeded() -> Seeded:
    """The same each time."""
    return Seeded(2)  # noqa: S311 - no secret


def test_every_planted_defect_is_seen():
    """Wrong names, lost rows, crashes, a forgotten inventory, formats misread: one each."""
    found = dict(defects())

    assert [name for name, was_seen in found.items() if not was_seen] == []
    assert len(found) == 10


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
