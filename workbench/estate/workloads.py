"""Instances and ECS tasks: fleets of like ones, each in one VPC, of one project and environment."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from enricher.errors import SettingsError
from workbench.estate.model import EcsTask, Instance, TagMap, Vpc
from workbench.estate.shares import apportion, zipf
from workbench.estate.site import Order, Site

INSTANCE_TYPES: Final = ("t3.medium", "m7g.large", "m7g.2xlarge", "c7g.xlarge", "r7g.xlarge")
ROLES: Final = ("api", "worker", "cache", "web")
EKS: Final = "eks.amazonaws.com"
SCALING_GROUP_TAG: Final = "aws:autoscaling:groupName"
_HASH_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class Fleet:
    """Like instances (or tasks): where they run, whose they are, how many interfaces they have in all."""

    vpc: Vpc
    tags: TagMap
    size: int
    tasks: bool
    scaling_group: str | None
    instance_type: str


def build_workloads(site: Site, interfaces: int) -> tuple[Instance, ...]:
    """Fill the estate with exactly ``interfaces`` more interfaces of instances and tasks.

    Raises:
        SettingsError: there are fewer interfaces left than fleets planned.
    """
    if interfaces < site.distributions.fleets:
        raise SettingsError(
            f"estate: {interfaces} interfaces are left for {site.distributions.fleets} fleets; plan more interfaces"
        )
    instances: list[Instance] = []
    for number, fleet in enumerate(_fleets(site, interfaces)):
        if fleet.tasks:
            _run_tasks(site, fleet, number)
            continue
        left = fleet.size
        while left:
            instance = _launch(site, fleet, most_interfaces=left)
            instances.append(instance)
            left -= len(instance.interface_ids)
    return tuple(instances)


def leave_unlisted(site: Site, instances: tuple[Instance, ...]) -> None:
    """Take the planned share of all interfaces out of the inventory: plain instances and tasks, drawn by lot.

    Plain is an instance or a task with one interface and one IPv4 address. Nobody could tell from the documents that a
    secondary or public address of an unlisted interface is its own, so what it sent could not be counted once.

    Raises:
        SettingsError: there are fewer plain ones than planned.
    """
    single = {instance.interface_ids[0] for instance in instances if len(instance.interface_ids) == 1}
    plain = [
        position
        for position, interface in enumerate(site.interfaces)
        if (interface.task or interface.interface_id in single)
        and not (interface.secondary_addresses or interface.prefixes or interface.public)
    ]
    wanted = ceil(site.distributions.unlisted_share * len(site.interfaces))
    if wanted > len(plain):
        raise SettingsError(f"estate: {wanted} interfaces shall be unlisted, {len(plain)} can be; lower unlisted_share")
    for position in site.random.sample(plain, wanted):
        site.interfaces[position] = replace(site.interfaces[position], listed=False)


def _fleets(site: Site, interfaces: int) -> list[Fleet]:
    plan = site.distributions
    sizes = apportion(interfaces, zipf(plan.fleets, plan.fleet_zipf), least=1)
    # Every VPC gets its share of fleets, large and small ones mixed.
    counts = apportion(plan.fleets, [vpc.weight for vpc in plan.vpcs], least=1)
    homes = [site.vpcs[vpc.name] for vpc, count in zip(plan.vpcs, counts, strict=True) for _ in range(count)]
    site.random.shuffle(homes)
    return [_fleet(site, home, size) for home, size in zip(homes, sizes, strict=True)]


def _fleet(site: Site, vpc: Vpc, size: int) -> Fleet:
    plan = site.distributions
    role = site.random.choice(ROLES)
    tags = site.ownership.tags(role, capital=site.chance(plan.capital_key_share))
    tasks = site.chance(plan.task_fleet_share)
    scaled = not tasks and site.chance(plan.scaling_group_share)
    return Fleet(vpc, tags, size, tasks, f"{tags['Name']}-asg" if scaled else None, site.random.choice(INSTANCE_TYPES))


def _run_tasks(site: Site, fleet: Fleet, number: int) -> None:
    service = f"{fleet.tags['Name']}-{number}"
    for _ in range(fleet.size):
        _, az_id = site.random.choice(site.distributions.zones)
        attachment = f"{site.random.getrandbits(_HASH_BITS):032x}"
        task = EcsTask(fleet.vpc.name, service, f"{site.random.getrandbits(_HASH_BITS):032x}")
        tagged = not site.chance(site.distributions.untagged_share)
        site.put_up(
            Order(
                "ecs_task",
                site.subnet(fleet.vpc, az_id, public=False),
                f"arn:aws:ecs:{site.distributions.region}:{site.distributions.account_id}:attachment/{_dashed(attachment)}",
                None,
                site.attach_time(),
                task=task,
                own_tags=fleet.tags if tagged else {},
            )
        )


def _launch(site: Site, fleet: Fleet, most_interfaces: int) -> Instance:
    plan = site.distributions
    _, az_id = site.random.choice(plan.zones)
    public = site.chance(plan.public_share)
    operator = EKS if site.chance(plan.operator_managed_share) else None
    tagged = not site.chance(plan.untagged_share)
    scaling_group = fleet.scaling_group if tagged else None
    tags = dict(fleet.tags) if tagged else {}
    if scaling_group:
        tags[SCALING_GROUP_TAG] = scaling_group
    instance_id, launched = site.id("i"), site.attach_time()
    count = 2 if most_interfaces > 1 and site.chance(plan.second_interface_share) else 1
    subnet = site.subnet(fleet.vpc, az_id, public=public)
    ids = []
    for device in range(count):
        secondary = site.chance(plan.secondary_share)
        own_tags = {"Name": f"{fleet.tags['Name']}-eth{device}"} if site.chance(plan.interface_tags_share) else {}
        order = Order(
            "instance", subnet, "Primary network interface" if device else "", instance_id, launched,
            public=_public(site) if public and not device else "",
            secondaries=site.random.randint(1, plan.secondary_most) if secondary else 0,
            prefixes=int(site.chance(plan.prefix_share)),
            ipv6=site.chance(plan.ipv6_share),
            instance_id=instance_id, device_index=device, operator=operator, scaling_group=scaling_group,
            tags=tags, own_tags=own_tags,
        )  # fmt: skip
        ids.append(site.put_up(order).interface_id)
    return Instance(instance_id, fleet.instance_type, launched, tuple(ids), operator, tags)


def _public(site: Site) -> str:
    return "elastic" if site.chance(site.distributions.elastic_share) else "automatic"


def _dashed(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
