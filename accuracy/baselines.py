"""What simpler programs would say of the same flows, judged by the same truth: whose interface, of which instance.

* ``owner_now``: the latest scan at delivery, by address alone; where two VPCs have the address, one of them.
* ``owner_now_in_vpc``: the same, but the recorder's own VPC first.
* ``ttl_cache``: address → owner, kept for five minutes, filled from ``owner_now``.
* ``recorders_tags``: the recorder is the source (the public sample); it says nothing of the destination.
"""

from collections import Counter
from typing import Any, Final

import numpy as np

from accuracy.judge import RIGHT, RIGHTLY_NOBODY, UNKNOWN, VERDICTS, WRONG
from accuracy.records import NOBODY
from accuracy.world import Columns, World

TTL_S: Final = 300
NAMES: Final = ("owner_now", "owner_now_in_vpc", "ttl_cache", "recorders_tags")
_NONE: Final = -1
_PUBLIC: Final = 15  # where a VPC's number stands in a key


class Baselines:
    """Keeps the last scan's owners, and the cache; counts verdicts by (baseline, side, verdict)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.tally: Counter[tuple[str, str, str]] = Counter()
        self._keys = np.zeros(0, np.int64)
        self._owners = np.zeros(0, np.int64)
        self._cached: dict[int, tuple[int, int]] = {}

    def saw(self, holds: Any, stays: Any) -> None:
        """Take what the latest scan shows: who (a stay) has which hold."""
        world = self._world
        sizes = world.holds.size[holds]
        held = np.repeat(holds, sizes)
        offsets = np.arange(len(held)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        address = world.holds.address[held] + offsets
        vpc = np.where(world.holds.public[held], _PUBLIC, world.vpc_of(world.holds.interface[held]))
        keys = address << 4 | vpc
        order = np.argsort(keys, kind="stable")
        self._keys, self._owners = keys[order], np.repeat(stays, sizes)[order]

    def judge(self, truth: Columns, delivered: int) -> None:
        """Answer a batch's sides and count the verdicts."""
        vpc = self._world.vpc_of(self._world.stays.interface[truth.recorder])
        for side in ("src", "dst"):
            address, owner = truth.of[f"{side}_address"], truth.of[side]
            now = self._anywhere(address)
            inside = self._in_vpc(address, vpc)
            self._count("owner_now", side, now, owner)
            self._count("owner_now_in_vpc", side, np.where(inside == _NONE, now, inside), owner)
            self._count("ttl_cache", side, self._from_cache(address, now, delivered), owner)
            named = truth.recorder if side == "src" else np.full(len(owner), _NONE)
            self._count("recorders_tags", side, named, owner)

    def _anywhere(self, address: Any) -> Any:
        """The last owner of the address, whichever VPC it is in."""
        if not len(self._keys):
            return np.full(len(address), _NONE)
        place = np.searchsorted(self._keys, (address + 1) << 4) - 1
        return np.where((place >= 0) & (self._keys[place] >> 4 == address), self._owners[place], _NONE)

    def _in_vpc(self, address: Any, vpc: Any) -> Any:
        if not len(self._keys):
            return np.full(len(address), _NONE)
        key = address << 4 | vpc
        place = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        return np.where(self._keys[place] == key, self._owners[place], _NONE)

    def _from_cache(self, address: Any, now: Any, delivered: int) -> Any:
        unique, first, place = np.unique(address, return_index=True, return_inverse=True)
        answers = []
        for number, owner in zip(unique.tolist(), now[first].tolist(), strict=True):
            kept = self._cached.get(number)
            if kept is None or delivered - kept[0] > TTL_S:
                kept = self._cached[number] = (delivered, owner)
            answers.append(kept[1])
        return np.array(answers, np.int64)[place]

    def _count(self, name: str, side: str, named: Any, owner: Any) -> None:
        stays = self._world.stays
        both = (named >= 0) & (owner >= 0)
        same = (
            both & (stays.interface[named] == stays.interface[owner]) & (stays.instance[named] == stays.instance[owner])
        )
        nobody = np.where(owner == NOBODY, RIGHTLY_NOBODY, UNKNOWN)
        verdict = np.where(named < 0, nobody, np.where(same, RIGHT, WRONG))
        for number, count in enumerate(np.bincount(verdict, minlength=len(VERDICTS)).tolist()):
            self.tally[name, side, VERDICTS[number]] += count
