"""The deployment function under faults: after a request that succeeded, all is there; after one that failed, once more.

What must be there: the code's files with their bytes and nothing else below ``code/``, and the views, created in their
order by Athena's own account of what it was asked.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deployment.bundle import Bundle
from reliability.oracle.cases import Outcome
from reliability.oracle.faults import Plant, Site
from reliability.oracle.judge import Verdict
from reliability.oracle.world import World

STAGE: Final = "deployment"
_VERSION: Final = "1-abc"
_CODE: Final = {"backfill.py": b"b = 1\n", "code.zip": b"PK" * 5_000, "compact.py": b"c = 1\n"}
_VIEWS: Final = {
    "one": "CREATE OR REPLACE VIEW one AS SELECT 1 AS n",
    "two": "CREATE OR REPLACE VIEW two AS SELECT 2 AS n",
}


class Deployments:
    """Deployments of one bundle, each into an empty stack. ``sites``: the calls of a clean one."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._bundle = Bundle.read(_planted(folder))
        world.begin()
        found = self._run(())
        if not found.is_clean:
            raise AssertionError(f"the clean deployment is not clean: {found}")
        self.sites: list[Site] = list(world.wire.calls)
        self.conditional = frozenset(world.wire.conditional)

    def run(self, plant: Plant) -> Outcome:
        """A deployment with one fault, and where it failed another without."""
        self._world.begin()
        return self._run((plant,))

    def _run(self, plants: Sequence[Plant]) -> Outcome:
        world, wrong = self._world, []
        begun = len(world.asked("athena", "StartQueryExecution"))
        world.wire.planted = plants
        is_well = self._deploy()
        world.wire.planted = ()
        if not is_well and not self._deploy():
            wrong.append(f"fails again without a fault: {world.service.said[-1:]}")
        found, asked = world.objects(), world.asked("athena", "StartQueryExecution")[begun:]
        files = {f"code/{_VERSION}/{name}": body for name, body in _CODE.items()}
        missing = len(files.keys() - found.keys())
        missing += not _are_created(asked)
        corrupted = sum(found[key] != body for key, body in files.items() if key in found)
        verdict = Verdict(missing, len(found.keys() - files.keys()), corrupted)
        case = "+".join(map(str, plants))
        return Outcome(
            case, verdict, tuple(wrong), (), sum(world.wire.met[plant] > 0 for plant in plants), 0, not is_well
        )

    def _deploy(self) -> bool:
        world = self._world
        world.wire.rival = lambda: world.rival().deploy(self._bundle, world.now)
        with world.wire.acting(STAGE):
            return world.service.deploy(self._bundle, world.now)


def _are_created(asked: Sequence[str]) -> bool:
    """Whether each view was created, the last time after those before it; attempts that nobody heard of count, too."""
    last = {sql: number for number, sql in enumerate(asked)}
    places = [last.get(sql, -1) for sql in _VIEWS.values()]
    return -1 not in places and places == sorted(places)


@contextmanager
def deployments(world: World) -> Iterator[Deployments]:
    """With a bundle that is there as long."""
    with tempfile.TemporaryDirectory() as folder:
        yield Deployments(world, Path(folder))


def _planted(folder: Path) -> Path:
    for name, files in (("code", _CODE), ("views", {f"{name}.sql": sql.encode() for name, sql in _VIEWS.items()})):
        (folder / name).mkdir()
        for file, body in files.items():
            (folder / name / file).write_bytes(body)
    manifest = {"version": _VERSION, "views": list(_VIEWS), "code": sorted(_CODE)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
