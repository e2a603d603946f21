"""The inventory with which compaction looks at rows again, as the refresher publishes it in the stand-in S3."""

import pytest
from made_by_hand import eni, estate

from compaction.known import Told
from compaction.second_look import second_look
from enricher.errors import InventoryError, SettingsError
from enricher.history import KEEP_SECONDS
from enricher.inventory import ALWAYS
from enricher.inventory_documents import tables_of
from enricher.published import Facts, Place, publish
from workbench.cloud import LocalCloud

URI = "s3://inventory-bucket/inventory/pointer.json"
OBSERVED = 1_794_996_000.0


@pytest.fixture
def s3():
    """The inventory's bucket, empty."""
    with LocalCloud() as cloud:
        client = cloud.client("s3")
        client.create_bucket(Bucket="inventory-bucket")
        yield client


def published(s3):
    """One interface, seen once; the pointer tells a tag key."""
    tables = tables_of(estate(interfaces=[eni("eni-1", "10.0.0.4")]), observed_at=OBSERVED)
    return publish(s3, Place.of(URI), lambda _: tables, Facts(tag_keys={"instance-tag": "project"})).pointer


@pytest.mark.parametrize("uri", ["", URI])
def test_without_an_inventory_rows_are_not_settled(s3, uri):
    """Not configured, or not published yet: hours are compacted all the same."""
    look = second_look(s3, uri, Told(promoted="owner=Owner"))
    assert (look.tables, look.snapshot, look.remembered_since) == (None, None, ALWAYS)
    assert look.rules.promoted["owner"] == ("Owner",)


def test_what_is_published_settles_rows_as_the_function_read_them(s3):
    """The snapshot's key is for the manifest; tag keys come from the pointer unless the job is told others."""
    pointer = published(s3)
    look = second_look(s3, URI, Told())
    assert look.snapshot == pointer.snapshot
    assert look.tables.observed_at == OBSERVED
    assert look.rules.record_tags == {"instance_tag": "project"}
    assert second_look(s3, URI, Told(record="interface-tag=team")).rules.record_tags == {"interface_tag": "team"}


def test_it_remembers_no_longer_than_it_keeps_and_than_it_has_looked(s3):
    """An owner that vanished before cannot be missed, so nothing is withdrawn for it."""
    published(s3)
    since = second_look(s3, URI, Told()).remembered_since
    assert OBSERVED - KEEP_SECONDS <= since <= OBSERVED
    assert second_look(s3, URI, Told(), keep_s=60).remembered_since >= OBSERVED - 60


def test_an_inventory_that_cannot_be_read_stops_the_run(s3):
    """Hours compacted without it would not be settled later: the next run comes in an hour."""
    s3.put_object(Bucket="inventory-bucket", Key="inventory/pointer.json", Body=b"{")
    with pytest.raises(InventoryError, match="pointer"):
        second_look(s3, URI, Told())
    with pytest.raises(SettingsError, match="PROMOTED_TAGS"):
        second_look(s3, URI, Told(promoted="nonsense"))
