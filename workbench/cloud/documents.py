"""Inventory documents as the AWS CLI prints them: which there are, reading a directory of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from enricher.errors import InventoryError

Documents = Mapping[str, Mapping[str, Any]]

# Document name (the file's, without .json) → the list in it. `flow-logs` is what `aws ec2 describe-flow-logs` prints,
# `stacks` and `stack-resources` are CloudFormation's.
LISTS: Final = {
    "network-interfaces": "NetworkInterfaces",
    "instances": "Reservations",
    "subnets": "Subnets",
    "vpcs": "Vpcs",
    "addresses": "Addresses",
    "nat-gateways": "NatGateways",
    "load-balancers": "LoadBalancers",
    "vpc-peering-connections": "VpcPeeringConnections",
    "transit-gateway-attachments": "TransitGatewayAttachments",
    "vpc-endpoints": "VpcEndpoints",
    "classic-load-balancers": "LoadBalancerDescriptions",
    "auto-scaling-instances": "AutoScalingInstances",
    "tagged-resources": "ResourceTagMappingList",
    "flow-logs": "FlowLogs",
    "ipams": "Ipams",
    "ipam-scopes": "IpamScopes",
    "ipam-resource-cidrs": "IpamResourceCidrs",
    "ipam-discovered-resource-cidrs": "IpamDiscoveredResourceCidrs",
    "ipam-address-history": "HistoryRecords",
    "stacks": "Stacks",
    "stack-resources": "StackResources",
}


def read_documents(directory: Path) -> dict[str, dict[str, Any]]:
    """Every inventory file of a directory that this cloud can answer from.

    Args:
        directory: Holds any subset of ``network-interfaces.json``, ``instances.json``, …: one CLI call's output each.

    Returns:
        Documents by name, checked by `check_documents`.

    Raises:
        InventoryError: The directory is not there or holds none of them, or a file is not JSON or not that document.
    """
    paths = {name: directory / f"{name}.json" for name in LISTS}
    found = {name: path for name, path in paths.items() if path.is_file()}
    if not found:
        raise InventoryError(
            f"{directory}: no inventory files; expected any of {', '.join(f'{n}.json' for n in LISTS)}"
        )
    documents = {name: _read(path) for name, path in found.items()}
    check_documents(documents)
    return documents


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise InventoryError(f"{path}: not JSON ({error}); save what the AWS CLI prints with --output json") from error
    return document


def check_documents(documents: Documents) -> None:
    """Refuses documents of unknown name, and documents without the list that their name promises.

    Raises:
        InventoryError: Names the document and what it should hold.
    """
    for name, document in documents.items():
        if name not in LISTS:
            raise InventoryError(f"inventory document {name!r} is not known; known are {', '.join(LISTS)}")
        items = document.get(LISTS[name]) if isinstance(document, Mapping) else None
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise InventoryError(
                f"inventory document {name!r} has no list {LISTS[name]!r}; give it as the AWS CLI prints it"
            )
