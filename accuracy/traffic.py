"""Who talks to whom: conversations of each aggregation window, and flows across an address's change of owner.

Conversations are columns: ``src`` and ``dst`` are ends of the world (-1: nobody of ours), with the addresses used,
``kind`` (see KINDS), and the seconds [start, end] in which both ends were there.
"""

from typing import Any, Final

import numpy as np

from accuracy.parameters import Parameters
from accuracy.topology import ATTACHED, FIRST_INTERNET, FIRST_SERVICE, PEERED, VPCS
from accuracy.world import ENDPOINT, NAT, TRANSIT, Columns, World

WITHIN, ACROSS_PEERING, ACROSS_GATEWAY, TO_INTERNET, TO_PUBLIC, FROM_INTERNET, TO_SERVICE = range(7)
KINDS: Final = (
    "in one VPC",
    "peering",
    "transit gateway",
    "NAT to internet",
    "public address",
    "from internet",
    "service",
)
# Shares of conversations; those across VPCs are drawn from the VPCs that are connected.
_SHARES: Final = (0.66, 0.10, 0.08, 0.05, 0.05, 0.03, 0.03)
NEAR_CHANGE_S: Final = 300


class Traffic:
    """Draws the conversations of a world, window by window."""

    def __init__(self, world: World, parameters: Parameters) -> None:
        self._world = world
        self._parameters = parameters
        self._random = np.random.default_rng([parameters.seed, 3])
        holds, ends = world.holds, world.ends
        self.kind = world.interfaces.kind[holds.interface[ends.hold]]
        self.is_public = holds.public[ends.hold]
        self.vpc = world.vpc_of(holds.interface[ends.hold])

    def conversations(self) -> Columns:
        """All conversations of all windows, and the straddling ones."""
        windows = [
            self._window(start)
            for start in range(
                self._parameters.flows_from_s, self._parameters.flows_until_s, self._parameters.aggregation_s
            )
        ]
        return Columns({name: np.concatenate([w[name] for w in windows]) for name in windows[0]})

    def _window(self, begin: int) -> dict[str, Any]:
        """Those of one aggregation window [begin, begin + 59]."""
        ends = self._world.ends
        last = begin + self._parameters.aggregation_s - 1
        active = (ends.since <= last) & (begin <= ends.until)
        private = np.flatnonzero(active & ~self.is_public & (self.kind != NAT) & (self.kind != TRANSIT))
        public = np.flatnonzero(active & self.is_public & (self.kind != NAT))
        count = self._parameters.conversations_a_minute
        kind = self._random.choice(len(_SHARES), count, p=_SHARES)
        talking = private[self.kind[private] != ENDPOINT]
        src = self._random.choice(talking, count)
        for wanted, vpcs in ((ACROSS_PEERING, PEERED), (ACROSS_GATEWAY, ATTACHED)):
            here = np.flatnonzero(kind == wanted)
            src[here] = self._random.choice(talking[np.isin(self.vpc[talking], vpcs)], len(here))
        dst = self._peers(kind, src, private, public, begin)
        src = np.where(kind == FROM_INTERNET, -1, src)
        if len(public):
            inbound = np.flatnonzero(kind == FROM_INTERNET)
            dst[inbound] = self._random.choice(public, len(inbound))
        return self._timed(kind, src, dst, begin, last)

    def _peers(self, kind: Any, src: Any, private: Any, public: Any, begin: int) -> Any:
        """A destination for each source: in its VPC, in one that is connected, or with a public address."""
        vpc = self.vpc[src].copy()
        peering = np.flatnonzero(kind == ACROSS_PEERING)
        vpc[peering] = (vpc[peering] + self._random.integers(1, len(PEERED), len(peering))) % len(PEERED)
        across = kind == ACROSS_GATEWAY
        vpc[across] = sum(ATTACHED) - vpc[across]
        dst = np.full(len(src), -1)
        ends = self._world.ends
        changing = (np.abs(ends.since[private] - begin) < NEAR_CHANGE_S) | (
            np.abs(ends.until[private] - begin) < NEAR_CHANGE_S
        )
        emphasised = self._random.random(len(src)) < self._parameters.churn_emphasis
        for number in range(len(VPCS)):
            mine = self.vpc[private] == number
            for wanted, pool in ((~emphasised, private[mine]), (emphasised, private[mine & changing])):
                here = np.flatnonzero((vpc == number) & wanted & (kind <= ACROSS_GATEWAY))
                if len(pool):
                    dst[here] = self._random.choice(pool, len(here))
        here = np.flatnonzero(kind == TO_PUBLIC)
        if len(public):
            dst[here] = self._random.choice(public, len(here))
        return dst

    def _timed(self, kind: Any, src: Any, dst: Any, begin: int, last: int) -> dict[str, Any]:
        """Both ends' common seconds of the window, and a flow in them; conversations without are left out."""
        ends = self._world.ends
        since = np.maximum(np.where(src < 0, begin, ends.since[src]), np.where(dst < 0, begin, ends.since[dst]))
        until = np.minimum(np.where(src < 0, last, ends.until[src]), np.where(dst < 0, last, ends.until[dst]))
        since, until = np.maximum(since, begin), np.minimum(until, last)
        holds = self._world.holds
        mine = holds.interface[ends.hold]
        itself = (src >= 0) & (dst >= 0) & (mine[src] == mine[dst])
        lonely = (dst < 0) & np.isin(kind, (WITHIN, ACROSS_PEERING, ACROSS_GATEWAY, TO_PUBLIC, FROM_INTERNET))
        kept = (since < until) & ~itself & ~lonely
        kind, src, dst, since, until = kind[kept], src[kept], dst[kept], since[kept], until[kept]
        room = until - since
        start = since + (self._random.random(len(src)) ** 2 * room).astype(np.int64)
        end = start + (self._random.random(len(src)) ** 0.5 * (until - start + 1)).astype(np.int64)
        strangers = FIRST_INTERNET + self._random.integers(0, 4_000, len(src))
        services = FIRST_SERVICE + self._random.integers(0, 200, len(src))
        return {
            "kind": kind,
            "src": src,
            "dst": dst,
            "src_address": np.where(src < 0, strangers, self.address(src)),
            "dst_address": np.where(dst < 0, np.where(kind == TO_SERVICE, services, strangers), self.address(dst)),
            "start": start,
            "end": np.minimum(end, until),
            "window_end": np.full(len(src), last + 1),
        }

    def address(self, ends: Any) -> Any:
        """An address of each end: its own, or any one out of its prefix."""
        holds = self._world.holds
        hold = self._world.ends.hold[ends]
        return holds.address[hold] + (self._random.random(len(ends)) * holds.size[hold]).astype(np.int64)

    def handovers(self) -> Columns:
        """Where an address went from one owner to another within a minute: ``first`` and ``second`` are ends."""
        ends, holds = self._world.ends, self._world.holds
        stay = self._world.stays
        hold = ends.hold
        order = np.lexsort((ends.since, holds.address[hold], np.where(self.is_public, -1, self.vpc)))
        first, second = order[:-1], order[1:]
        gap = ends.since[second] - ends.until[first]
        place = np.where(self.is_public, -1, self.vpc)
        same = (place[first] == place[second]) & (holds.address[hold[first]] == holds.address[hold[second]])
        other = (stay.interface[ends.stay[first]] != stay.interface[ends.stay[second]]) | (
            stay.instance[ends.stay[first]] != stay.instance[ends.stay[second]]
        )
        found = same & other & (gap > 0)
        return Columns({"first": first[found], "second": second[found], "gap": gap[found]})

    def straddling(self) -> Columns:
        """Flows of one peer with an address that had two owners meanwhile: ``peer`` (an end), address, start, end."""
        handovers = self.handovers()
        handovers = handovers.at(handovers.gap < self._parameters.aggregation_s - 4)
        rows: dict[str, list[Any]] = {
            "peer": [],
            "first": [],
            "second": [],
            "address": [],
            "start": [],
            "end": [],
            "outbound": [],
        }
        ends = self._world.ends
        talking = np.flatnonzero(
            ~self.is_public & (self.kind != NAT) & (self.kind != TRANSIT) & (self.kind != ENDPOINT)
        )
        for first, second in zip(handovers.first.tolist(), handovers.second.tolist(), strict=True):
            start, end = int(ends.until[first]) - 1, int(ends.since[second]) + 1
            if not self._parameters.flows_from_s <= start <= self._parameters.flows_until_s - 60:
                continue
            if ends.since[first] > start or ends.until[second] < end or self.kind[first] == NAT:
                continue
            wanted = (ends.since[talking] <= start) & (end <= ends.until[talking])
            if not self.is_public[first]:
                wanted &= self.vpc[talking] == self.vpc[first]
            peers = talking[wanted]
            for n in range(self._parameters.straddles):
                rows["peer"].append(int(self._random.choice(peers)))
                rows["first"].append(first)
                rows["second"].append(second)
                rows["address"].append(int(self.address(np.array([first]))[0]))
                rows["start"].append(start)
                rows["end"].append(end)
                rows["outbound"].append(n % 2 == 0)
        return Columns({name: np.array(column) for name, column in rows.items()})
