"""The made-up estate: one account in one region whose every interface, owner and connection is known."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.estate.distributions import Distributions
from workbench.estate.documents import network_interfaces
from workbench.estate.managed import build_load_balancers, build_nat_gateways, build_requester_managed
from workbench.estate.model import (
    Attachment,
    Instance,
    Interface,
    LoadBalancer,
    NatGateway,
    Peering,
    Subnet,
    Vpc,
)
from workbench.estate.resource_documents import (
    addresses,
    instances,
    load_balancers,
    nat_gateways,
    subnets,
    transit_gateway_attachments,
    vpc_peering_connections,
    vpcs,
)
from workbench.estate.site import Site
from workbench.estate.topology import build_peerings, build_transit_gateway, build_vpcs
from workbench.estate.workloads import build_workloads, leave_unlisted


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything that exists; ``free_addresses`` counts what is left by subnet id."""

    distributions: Distributions
    seed: int
    vpcs: tuple[Vpc, ...]
    subnets: tuple[Subnet, ...]
    free_addresses: dict[str, int]
    interfaces: tuple[Interface, ...]
    instances: tuple[Instance, ...]
    load_balancers: tuple[LoadBalancer, ...]
    nat_gateways: tuple[NatGateway, ...]
    peerings: tuple[Peering, ...]
    attachments: tuple[Attachment, ...]

    def documents(self) -> dict[str, dict[str, Any]]:
        """The inventory as the AWS CLI prints it: one document a call, keyed by file name without ``.json``.

        Interfaces that are not listed, and their instances, are in none of them. Times are ISO 8601 text with offset;
        members without a value are left out, as the CLI does.
        """
        listed = [interface for interface in self.interfaces if interface.listed]
        by_id = {interface.interface_id: interface for interface in listed}
        known = [instance for instance in self.instances if by_id.keys() >= set(instance.interface_ids)]
        plan = self.distributions
        return {
            "network-interfaces": {"NetworkInterfaces": network_interfaces(plan, listed)},
            "instances": {"Reservations": instances(plan, known, by_id)},
            "subnets": {"Subnets": subnets(plan, self.subnets, self.free_addresses)},
            "vpcs": {"Vpcs": vpcs(plan, self.vpcs)},
            "addresses": {"Addresses": addresses(plan, listed)},
            "nat-gateways": {"NatGateways": nat_gateways(self.nat_gateways, by_id)},
            "load-balancers": {"LoadBalancers": load_balancers(plan, self.load_balancers, by_id)},
            "vpc-peering-connections": {
                "VpcPeeringConnections": vpc_peering_connections(plan, self.peerings, self.vpcs)
            },
            "transit-gateway-attachments": {
                "TransitGatewayAttachments": transit_gateway_attachments(plan, self.attachments)
            },
        }

    def write(self, directory: Path) -> None:
        """Write the documents to ``directory`` (made if missing), one JSON file each."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, document in self.documents().items():
            text = json.dumps(document, indent=4, ensure_ascii=False)
            (directory / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def build_estate(distributions: Distributions, seed: int) -> Estate:
    """Build the estate of these distributions; the same seed builds the same estate, to the byte.

    A few instances and tasks exist without being listed: an inventory is never perfect.

    Raises:
        SettingsError: the planned interfaces do not fit the CIDRs, or are fewer than managed resources and fleets need.
    """
    site = Site(distributions, seed)
    build_vpcs(site)
    peerings = build_peerings(site)
    attachments = build_transit_gateway(site)
    gateways = build_nat_gateways(site)
    balancers = build_load_balancers(site)
    build_requester_managed(site)
    workloads = build_workloads(site, distributions.interfaces - len(site.interfaces))
    leave_unlisted(site, workloads)
    return Estate(
        distributions=distributions,
        seed=seed,
        vpcs=tuple(site.vpcs.values()),
        subnets=tuple(site.subnets),
        free_addresses=site.free_addresses(),
        interfaces=tuple(site.interfaces),
        instances=workloads,
        load_balancers=balancers,
        nat_gateways=gateways,
        peerings=peerings,
        attachments=attachments,
    )
