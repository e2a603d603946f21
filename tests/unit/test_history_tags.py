"""Whose tags an interface has when a scan, page after page, shows it and no longer shows its instance."""

from typing import Any

from made_by_hand import eni, estate

from enricher.history import merge
from enricher.inventory import InventoryTables
from enricher.inventory_documents import tables_of

PART = "111122223333/us-east-1"
NAMED = [{"Key": "Name", "Value": "nic"}, {"Key": "rack", "Value": "7"}]


def scan(begun: float, instances: dict[str, str | None]) -> InventoryTables:
    """A scan of i-1's interface, which has tags of its own; DescribeInstances shows ``instances`` and their names."""
    documents = estate(interfaces=[eni("eni-1", "10.0.0.4", attached=500, instance="i-1", TagSet=NAMED)])
    documents["instances"] = {
        "Reservations": [
            {"Instances": [{"InstanceId": name, "Tags": [{"Key": "Name", "Value": tag}] if tag else []}]}
            for name, tag in instances.items()
        ]
    }
    return tables_of(documents, begun, ended_at=begun + 5, part=PART)


def tags_after(*scans: InventoryTables) -> Any:
    """The interface's tags when these scans have been merged."""
    known = None
    for one in scans:
        known = merge(known, [one], [], one.parts[0].ended_at, 3600, 180)
    assert known is not None
    assert known.interfaces.num_rows == 1
    tags = known.interfaces["tags"][0].as_py()
    return None if tags is None else dict(tags)


def test_an_instance_that_ended_between_two_pages_keeps_its_tags():
    """The interface's own tags must not come out from under those of the instance that sent the packets."""
    assert tags_after(scan(1000, {"i-1": "app"}), scan(1060, {})) == {"Name": "app", "rack": "7"}


def test_an_instance_that_was_never_described_has_unknown_tags():
    """Its interface's Name may not be its own: wrong is worse than unknown."""
    assert tags_after(scan(1000, {})) is None


def test_an_instance_described_later_has_its_tags():
    """What was unknown is known from the next scan on."""
    assert tags_after(scan(1000, {}), scan(1060, {"i-1": "app"})) == {"Name": "app", "rack": "7"}


def test_an_instance_without_tags_leaves_its_interfaces_own():
    """An instance that is described and has none hides nothing."""
    assert tags_after(scan(1000, {"i-1": None})) == {"Name": "nic", "rack": "7"}
