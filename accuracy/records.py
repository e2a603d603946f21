"""Which interface writes which flow record of a conversation, and who truly was behind both packet addresses.

As workbench/estate/records.py says of AWS's examples: on its own side an interface writes its primary address; gateways
write the legs that pass through them. A truth is a stay of the world, NOBODY, or CHANGED where the owner changed while
the flow lasted; where only what the interface is attached to changed, it is CHANGED less 1 less the interface.
"""

from typing import Any, Final

import numpy as np

from accuracy.parameters import Parameters
from accuracy.topology import VPCS, ZONES
from accuracy.traffic import (
    ACROSS_GATEWAY,
    ACROSS_PEERING,
    FROM_INTERNET,
    TO_INTERNET,
    TO_PUBLIC,
    TO_SERVICE,
    WITHIN,
    Traffic,
)
from accuracy.world import NAT, PUBLIC, TRANSIT, Columns, World

NOBODY: Final = -1
CHANGED: Final = -2
_COLUMNS: Final = (
    "recorder", "egress", "srcaddr", "dstaddr", "pkt_src", "pkt_dst", "path", "service", "start", "end", "window_end",
    "src_truth", "dst_truth", "src_place", "dst_place", "is_made",
)  # fmt: skip
IN_VPC, PEERING, GATEWAY_ENDPOINT, INTERNET_GATEWAY = 1, 4, 7, 8


class Recording:
    """Writes the records of a world's conversations. ``recorder`` and truths are stays, places are subnets or -1."""

    def __init__(self, world: World, parameters: Parameters) -> None:
        self._world = world
        random = np.random.default_rng([parameters.seed, 4])
        self._random = random
        self.is_silent = random.random(len(world.interfaces)) < parameters.silent_share
        self._parameters = parameters
        interfaces = world.interfaces
        first = np.full(len(interfaces), -1)
        first[world.stays.interface[::-1]] = np.arange(len(world.stays))[::-1]
        self._gateway = np.full(len(VPCS) * len(ZONES), -1)  # the NAT gateway's stay, by subnet
        self._transit = np.full(len(VPCS) * len(ZONES), -1)
        for places, kind in ((self._gateway, NAT), (self._transit, TRANSIT)):
            mine = np.flatnonzero(interfaces.kind == kind)
            places[interfaces.subnet[mine]] = first[mine]
        holds = world.holds
        of_gateways = np.flatnonzero((holds.kind == PUBLIC) & (interfaces.kind[holds.interface] == NAT))
        self._gateway_public = np.zeros(len(VPCS) * len(ZONES), np.int64)
        self._gateway_public[interfaces.subnet[holds.interface[of_gateways]]] = holds.address[of_gateways]

    def records(self, traffic: Traffic) -> Columns:
        """All records, as they are written; delivery orders them later."""
        flows = traffic.conversations()
        written = [*self._plain(flows), *self._transited(flows), *self._translated(flows), *self._public(flows)]
        written += self._straddled(traffic.straddling(), traffic)
        records = Columns({name: np.concatenate([each[name] for each in written]) for name in _COLUMNS})
        return records.at(~self.is_silent[self._world.stays.interface[records.recorder]])

    def _stay(self, ends: Any) -> Any:
        return np.where(ends < 0, NOBODY, self._world.ends.stay[ends])

    def _subnet(self, stays: Any) -> Any:
        return np.where(stays < 0, -1, self._world.interfaces.subnet[self._world.stays.interface[stays]])

    def _primary(self, stays: Any) -> Any:
        return self._world.interfaces.address[self._world.stays.interface[stays]]

    def _of(self, flows: Columns, **columns: Any) -> dict[str, Any]:
        """One leg of flows; what is not given is as plainly seen from the recorder's side."""
        src, dst = columns.get("src_truth", self._stay(flows.src)), columns.get("dst_truth", self._stay(flows.dst))
        size = len(flows)
        leg = {
            "srcaddr": flows.src_address,
            "dstaddr": flows.dst_address,
            "pkt_src": flows.src_address,
            "pkt_dst": flows.dst_address,
            "path": np.zeros(size, np.int64),
            "service": np.zeros(size, bool),
            "start": flows.start,
            "end": flows.end,
            "window_end": flows.window_end,
            "src_truth": src,
            "dst_truth": dst,
            "src_place": self._subnet(src),
            "dst_place": self._subnet(dst),
            "is_made": np.zeros(size, bool),
        }
        leg |= columns
        leg["egress"] = np.full(size, columns["egress"])
        return leg

    def _egress(self, flows: Columns, path: int, **columns: Any) -> dict[str, Any]:
        sender = self._stay(flows.src)
        path_column = np.full(len(flows), path)
        return self._of(
            flows,
            **({"recorder": sender, "egress": True, "srcaddr": self._primary(sender), "path": path_column} | columns),
        )

    def _ingress(self, flows: Columns, **columns: Any) -> dict[str, Any]:
        receiver = self._stay(flows.dst)
        return self._of(
            flows, **({"recorder": receiver, "egress": False, "dstaddr": self._primary(receiver)} | columns)
        )

    def _plain(self, flows: Columns) -> list[dict[str, Any]]:
        """In one VPC and across a peering connection: both ends write."""
        legs = []
        for kind, path in ((WITHIN, IN_VPC), (ACROSS_PEERING, PEERING), (ACROSS_GATEWAY, IN_VPC)):
            mine = flows.at(flows.kind == kind)
            legs += [self._egress(mine, path), self._ingress(mine)]
        service = flows.at(flows.kind == TO_SERVICE)
        legs.append(self._egress(service, GATEWAY_ENDPOINT, service=np.ones(len(service), bool)))
        return legs

    def _transited(self, flows: Columns) -> list[dict[str, Any]]:
        """The transit gateway's interface in each VPC writes too, in the sender's zone."""
        mine = flows.at(flows.kind == ACROSS_GATEWAY)
        src, dst = self._subnet(self._stay(mine.src)), self._subnet(self._stay(mine.dst))
        entry = self._transit[src]
        leave = self._transit[dst // len(ZONES) * len(ZONES) + src % len(ZONES)]
        return [
            self._of(mine, recorder=entry, egress=False, dstaddr=self._primary(entry)),
            self._of(mine, recorder=leave, egress=True, srcaddr=self._primary(leave), path=np.full(len(mine), IN_VPC)),
        ]

    def _translated(self, flows: Columns) -> list[dict[str, Any]]:
        """Through a NAT gateway, every second flow on its way back: the host writes one leg, the gateway two."""
        mine = flows.at(flows.kind == TO_INTERNET)
        back = self._random.random(len(mine)) < 0.5  # noqa: PLR2004 - every second one
        out, into = mine.at(~back), mine.at(back)
        gateway = self._gateway[self._subnet(self._stay(out.src))]
        own = self._primary(gateway)
        legs = [
            self._egress(out, IN_VPC),
            self._of(out, recorder=gateway, egress=False, dstaddr=own),
            self._of(
                out, recorder=gateway, egress=True, srcaddr=own, pkt_src=own, src_truth=gateway,
                path=np.full(len(out), INTERNET_GATEWAY),
            ),
        ]  # fmt: skip
        host = self._stay(into.src)
        gateway = self._gateway[self._subnet(host)]
        own = self._primary(gateway)
        nobody = np.full(len(into), NOBODY)
        inbound = Columns(into.of | {"src_address": into.dst_address, "dst_address": into.src_address})
        truths = {"src_truth": nobody, "dst_truth": host}
        return [
            *legs,
            self._of(
                inbound, recorder=gateway, egress=False, dstaddr=own, pkt_dst=own, src_truth=nobody, dst_truth=gateway
            ),
            self._of(inbound, recorder=gateway, egress=True, srcaddr=own, path=np.full(len(into), IN_VPC), **truths),
            self._of(inbound, recorder=host, egress=False, dstaddr=self._primary(host), **truths),
        ]

    def _public(self, flows: Columns) -> list[dict[str, Any]]:
        """To an Elastic IP: the sender's record shows it, the receiver's the public address of the sender's gateway."""
        mine = flows.at(flows.kind == TO_PUBLIC)
        subnet = self._subnet(self._stay(mine.src))
        gateway, public = self._gateway[subnet], self._gateway_public[subnet]
        own = self._primary(self._stay(mine.dst))
        inbound = flows.at(flows.kind == FROM_INTERNET)
        primary = self._primary(self._stay(inbound.dst))
        return [
            self._egress(mine, INTERNET_GATEWAY),
            self._ingress(mine, srcaddr=public, pkt_src=public, pkt_dst=own, src_truth=gateway),
            self._ingress(inbound, pkt_dst=primary),
        ]

    def _straddled(self, flows: Columns, traffic: Traffic) -> list[dict[str, Any]]:
        """A peer's own record of packets to (or from) an address that changed its owner meanwhile."""
        ends = self._world.ends
        place = np.where(traffic.is_public[flows.first], -1, self._subnet(ends.stay[flows.first]))
        # The window in which such a flow lies is its own: records are cut where they need not be.
        window_end = flows.end + 1 + self._random.integers(0, 30, len(flows))
        first, second = (self._world.stays.interface[ends.stay[end]] for end in (flows.first, flows.second))
        truth = np.where(first == second, CHANGED - 1 - first, CHANGED)
        legs = []
        for outbound in (True, False):
            here = flows.outbound == outbound
            peer = flows.peer[here]
            stay = ends.stay[peer]
            # Inbound packets from a public address come from the internet's side all the same.
            changed = truth[here]
            mine = Columns(
                {
                    "src": peer,
                    "dst": peer,
                    "src_address": self._primary(stay) if outbound else flows.address[here],
                    "dst_address": flows.address[here] if outbound else self._primary(stay),
                    "start": flows.start[here],
                    "end": flows.end[here],
                    "window_end": window_end[here],
                }
            )
            if outbound:
                leg = self._egress(mine, IN_VPC, dst_truth=changed)
                leg["path"] = np.where(place[here] < 0, INTERNET_GATEWAY, IN_VPC)
                leg["dst_place"] = place[here]
            else:
                leg = self._ingress(mine, src_truth=changed)
                leg["src_place"] = place[here]
            leg["is_made"] = np.ones(len(mine), bool)
            legs.append(leg)
        return legs
