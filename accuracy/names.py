"""What everything is called and tagged: the truth that AWS would print and that the judge compares with."""

from typing import Any, Final

from accuracy.topology import ACCOUNTS, REGION, VPCS, ZONES, attachment_id, subnet_id
from accuracy.world import BALANCER, ENDPOINT, INSTANCE, MOVER, NAT, TASK, TRANSIT, World

PROMOTED: Final = {"name": "Name", "project": "project", "team": "team", "environment": "environment"}
_ENVIRONMENTS: Final = ("prod", "stage", "dev")


def interface_id(interface: int) -> str:
    """An interface's id."""
    return f"eni-{interface:017x}"


def instance_id(instance: int) -> str:
    """An instance's id; it has the number of its first interface."""
    return f"i-{instance:017x}"


def interface_tags(kind: int, interface: int) -> dict[str, str]:
    """An interface's own tags; every second instance's has the key Name too, with another value."""
    match kind:
        case 0 if interface % 2:
            return {}
        case 0:
            return {"Name": f"eni-{interface}", "cost-center": f"c{interface % 11}"}
        case 1:
            return {"Name": f"task-{interface}", "project": f"p{interface % 50}"}
        case 2:
            return {"Name": f"vip-{interface}", "team": f"v{interface % 9}"}
        case _:
            return {}


def instance_tags(instance: int) -> dict[str, str]:
    """An instance's tags."""
    return {
        "Name": f"app-{instance}",
        "project": f"p{instance % 50}",
        "team": f"t{instance % 9}",
        "environment": _ENVIRONMENTS[instance % 3],
    }


def resource_tags(kind: int, serial: int) -> dict[str, str]:
    """The tags of what a service runs behind its interfaces."""
    return {"Name": f"managed-{kind}-{serial}", "project": f"p{serial % 50}"}


def resource_of(kind: int, interface: int, instance: int, serial: int) -> tuple[str, str]:
    """Type and id of the resource behind an interface."""
    match kind:
        case 0 | 2:
            return (
                ("instance", instance_id(instance)) if instance >= 0 else ("network_interface", interface_id(interface))
            )
        case 1:
            return "ecs_task", f"{interface:032x}"
        case 3:
            return "load_balancer", f"alb-{serial}"
        case 4:
            return "nat_gateway", f"nat-{serial:017x}"
        case 5:
            return "transit_gateway", attachment_id(serial)
        case _:
            return "vpc_endpoint", f"vpce-{serial:017x}"


class Truth:
    """What is true of each stay, as lists by stay: the columns that an answer is judged by.

    ``columns``: text (or None) by name; ``tags``: of the resource over those of its interface; ``interface_tags``;
    ``primary``: the address; ``is_mover``: a secondary interface; ``first_stay``: by interface.
    """

    def __init__(self, world: World) -> None:
        interfaces, stays = world.interfaces, world.stays
        kinds = interfaces.kind[stays.interface].tolist()
        serials = interfaces.serial[stays.interface].tolist()
        subnets = interfaces.subnet[stays.interface].tolist()
        self.primary = interfaces.address[stays.interface].tolist()
        self.is_mover = (interfaces.kind[stays.interface] == MOVER).tolist()
        self.first_stay = {number: place for place, number in reversed(list(enumerate(stays.interface.tolist())))}
        behind: list[tuple[str, str]] = []
        self.tags: list[dict[str, str]] = []
        self.interface_tags: list[dict[str, str]] = []
        for kind, interface, instance, serial in zip(
            kinds, stays.interface.tolist(), stays.instance.tolist(), serials, strict=True
        ):
            behind.append(resource_of(kind, interface, instance, serial))
            own = interface_tags(kind, interface)
            self.interface_tags.append(own)
            self.tags.append(own | self._behind(kind, instance, serial))
        self.columns: dict[str, list[Any]] = {
            **places(subnets),
            "interface_id": [interface_id(number) for number in stays.interface.tolist()],
            "instance_id": [instance_id(number) if number >= 0 else None for number in stays.instance.tolist()],
            "resource_type": [kind for kind, _ in behind],
            "resource_id": [name for _, name in behind],
        }

    @staticmethod
    def _behind(kind: int, instance: int, serial: int) -> dict[str, str]:
        if kind in (INSTANCE, MOVER):
            return instance_tags(instance) if instance >= 0 else {}
        return {} if kind == TASK else resource_tags(kind, serial)


def places(subnets: list[int]) -> dict[str, list[Any]]:
    """Where subnets are: account, region, AZ ID, VPC and subnet by name."""
    vpcs = [subnet // len(ZONES) for subnet in subnets]
    return {
        "account_id": [ACCOUNTS[VPCS[vpc].account] for vpc in vpcs],
        "region": [REGION] * len(subnets),
        "az_id": [ZONES[subnet % len(ZONES)] for subnet in subnets],
        "vpc_id": [VPCS[vpc].vpc_id for vpc in vpcs],
        "subnet_id": [subnet_id(subnet) for subnet in subnets],
    }


MANAGED: Final = (BALANCER, NAT, TRANSIT, ENDPOINT)
