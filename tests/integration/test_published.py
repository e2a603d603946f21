"""The published inventory in the stand-in S3: what readers see while refreshers write, race and crash."""

import json
from functools import cached_property
from typing import Any

import pytest
from botocore.config import Config
from made_by_hand import eni, estate

from cache import LoadError, New, NotThere, Unchanged
from enricher.errors import InventoryError
from enricher.inventory import InventoryTables
from enricher.inventory_documents import tables_of
from enricher.pointer import Pointer
from enricher.published import ATTEMPTS, Facts, Place, Published, publish, read
from enricher.snapshot import to_snapshot
from workbench.cloud import FOREVER, LocalCloud, Refuse, Reset, Truncate

BUCKET = "inventory-bucket"
KEY = "inventory/pointer.json"
PLACE = Place(BUCKET, KEY)
FORMATS = ("${version} ${account-id}",)


class Cloud(LocalCloud):
    """The stand-in cloud with one S3 client."""

    @cached_property
    def s3(self) -> Any:
        """The S3 client."""
        return self.client("s3")


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud with the bucket."""
    with Cloud() as running:
        running.s3.create_bucket(Bucket=BUCKET)
        yield running


@pytest.fixture
def cloud(shared_cloud):
    """The same without objects, faults and calls."""
    shared_cloud.clear_faults()
    for key in keys(shared_cloud):
        shared_cloud.s3.delete_object(Bucket=BUCKET, Key=key)
    shared_cloud.reset_calls()
    return shared_cloud


def keys(cloud: Cloud) -> list[str]:
    """All keys of the bucket."""
    return [entry["Key"] for entry in cloud.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def tables(*names: str, observed_at: float = 1_794_996_000) -> InventoryTables:
    """An inventory of these interfaces."""
    interfaces = [eni(name, f"10.0.0.{number}") for number, name in enumerate(names, 4)]
    return tables_of(estate(interfaces=interfaces), observed_at=observed_at)


def names(told: InventoryTables | None) -> list[str]:
    """The interfaces of an inventory; none of none."""
    return [] if told is None else told.interfaces["interface_id"].to_pylist()


def adding(name: str):
    """A merge that adds an interface to what is there."""
    return lambda before: tables(*names(before), name)


def current(cloud: Cloud) -> New[Published]:
    """What is published, as a reader without memory finds it."""
    found = read(cloud.s3, PLACE)
    assert isinstance(found, New)
    return found


def put(cloud: Cloud, body: bytes, key: str = KEY) -> None:
    """Write an object as anybody might."""
    cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def operations(cloud: Cloud) -> list[tuple[str, str]]:
    """What was asked of S3: operation and key."""
    return [(call.operation, call.params["Key"]) for call in cloud.calls if "Key" in call.params]


def test_before_anything_is_published_nothing_is_there(cloud):
    """That is an answer, no failure."""
    assert read(cloud.s3, PLACE) == NotThere()


def test_what_is_published_is_read(cloud):
    """The snapshot with its pointer; its key tells the time it was true at."""
    done = publish(cloud.s3, PLACE, adding("eni-1"), Facts(FORMATS, {"instance-tag": "project"}))

    found = current(cloud)

    assert names(found.value.tables) == ["eni-1"]
    assert found.value.pointer == done.pointer
    assert (done.pointer.log_formats, done.pointer.tag_keys) == (FORMATS, {"instance-tag": "project"})
    assert done.pointer.observed_at == 1_794_996_000
    assert done.pointer.snapshot.startswith("inventory/snapshots/20261118T100000Z-")
    assert sorted(keys(cloud)) == sorted([KEY, done.pointer.snapshot])
    head = cloud.s3.head_object(Bucket=BUCKET, Key=done.pointer.snapshot)
    assert (done.snapshot_bytes, done.merges) == (head["ContentLength"], 1)


def test_an_unchanged_pointer_costs_one_conditional_get(cloud):
    """The snapshot itself is not asked for."""
    publish(cloud.s3, PLACE, adding("eni-1"))
    held = current(cloud)
    cloud.reset_calls()

    assert read(cloud.s3, PLACE, held) == Unchanged()
    assert operations(cloud) == [("GetObject", KEY)]
    assert cloud.calls[0].params["IfNoneMatch"] == held.token


def test_a_new_pointer_brings_its_snapshot(cloud):
    """Each publication begins with what was published before; facts that could not be learnt stay."""
    publish(cloud.s3, PLACE, adding("eni-1"), Facts(FORMATS, {"asg-tag": "team"}))
    held = current(cloud)
    publish(cloud.s3, PLACE, adding("eni-2"))

    found = read(cloud.s3, PLACE, held)

    assert isinstance(found, New)
    assert names(found.value.tables) == ["eni-1", "eni-2"]
    assert found.value.pointer is not None
    assert (found.value.pointer.log_formats, found.value.pointer.tag_keys) == (FORMATS, {"asg-tag": "team"})


def test_facts_that_were_learnt_replace_the_old_ones_even_by_none(cloud):
    """A stream whose flow logs were deleted has no formats."""
    publish(cloud.s3, PLACE, adding("eni-1"), Facts(FORMATS, {"asg-tag": "team"}))
    done = publish(cloud.s3, PLACE, adding("eni-2"), Facts((), {}))

    assert (done.pointer.log_formats, done.pointer.tag_keys) == ((), {})


def test_a_bare_snapshot_is_read_as_such(cloud):
    """What ``vpcflow inventory build`` writes needs no pointer."""
    put(cloud, bytes(to_snapshot(tables("eni-1"))))

    found = current(cloud).value

    assert (found.pointer, names(found.tables)) == (None, ["eni-1"])


def test_a_bare_snapshot_is_never_overwritten_by_a_pointer(cloud):
    """The mend is another key."""
    body = bytes(to_snapshot(tables("eni-1")))
    put(cloud, body)

    with pytest.raises(InventoryError, match="is a snapshot itself; give the pointer a key of its own"):
        publish(cloud.s3, PLACE, adding("eni-2"))

    assert cloud.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == body


@pytest.mark.parametrize("first", [True, False])
def test_of_two_refreshers_at_once_the_slower_merges_onto_the_faster(cloud, first):
    """No lost update: the loser reloads; also when both believe to be the first ever."""
    if not first:
        publish(cloud.s3, PLACE, adding("eni-0"))
    seen = []

    def slow(before: InventoryTables | None) -> InventoryTables:
        seen.append(names(before))
        if len(seen) == 1:
            publish(cloud.s3, PLACE, adding("eni-fast"))
        return tables(*names(before), "eni-slow")

    done = publish(cloud.s3, PLACE, slow)

    begin = [] if first else ["eni-0"]
    assert seen == [begin, [*begin, "eni-fast"]]
    assert done.merges == 2
    assert names(current(cloud).value.tables) == [*begin, "eni-fast", "eni-slow"]


def test_a_pointer_that_is_deleted_meanwhile_is_a_lost_race_too(cloud):
    """The next attempt begins with nothing, as whoever deleted it wanted."""
    publish(cloud.s3, PLACE, adding("eni-1"))
    seen = []

    def merge(before: InventoryTables | None) -> InventoryTables:
        seen.append(names(before))
        cloud.s3.delete_object(Bucket=BUCKET, Key=KEY)
        return tables(*names(before), "eni-2")

    publish(cloud.s3, PLACE, merge)

    assert seen == [["eni-1"], []]
    assert names(current(cloud).value.tables) == ["eni-2"]


def test_a_refresher_that_always_loses_gives_up(cloud):
    """After a bounded number of attempts, in one line; what the others wrote stays."""
    merges = []

    def slow(before: InventoryTables | None) -> InventoryTables:
        merges.append(before)
        publish(cloud.s3, PLACE, adding(f"eni-{len(merges)}"))
        return tables(*names(before), "eni-slow")

    with pytest.raises(InventoryError, match=rf"was replaced by others in each of {ATTEMPTS} attempts"):
        publish(cloud.s3, PLACE, slow)

    assert len(merges) == ATTEMPTS
    assert names(current(cloud).value.tables) == [f"eni-{n}" for n in range(1, ATTEMPTS + 1)]


@pytest.mark.parametrize("code", [("ConditionalRequestConflict", 409), ("PreconditionFailed", 412)])
def test_a_put_that_met_another_one_is_tried_again(cloud, code):
    """S3 answers 409 while another conditional put is under way: for the snapshot, then for the pointer."""
    publish(cloud.s3, PLACE, adding("eni-1"))
    merges = []

    def merge(before: InventoryTables | None) -> InventoryTables:
        # The object's put goes through, the pointer's first one meets the fault.
        merges.append(before)
        return tables(*names(before), "eni-2")

    failing = FailingPut(cloud, KEY, Refuse(*code))
    publish(failing, PLACE, merge)

    assert len(merges) == 2
    assert names(current(cloud).value.tables) == ["eni-1", "eni-2"]


class FailingPut:
    """An S3 client that plants a fault just before it first puts one key."""

    def __init__(self, cloud: Cloud, key: str, fault: Any, times: int | None = 1, client: Any = None) -> None:
        self._cloud, self._key, self._fault, self._times = cloud, key, fault, times
        self._client = client or cloud.s3

    def __getattr__(self, name: str) -> Any:
        """Everything else is the client's own."""
        return getattr(self._client, name)

    def put_object(self, **arguments: Any) -> Any:
        """Put, with the fault planted for this key."""
        if arguments["Key"] == self._key and self._fault is not None:
            self._cloud.fail("s3", "PutObject", self._fault, times=self._times)
            self._fault = None
        return self._client.put_object(**arguments)


def test_an_answer_that_was_lost_is_no_lost_race(cloud):
    """The put took effect, the connection broke, botocore tried again and lost against itself."""
    publish(cloud.s3, PLACE, adding("eni-1"))

    retrying = cloud.client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))
    done = publish(FailingPut(cloud, KEY, Reset(acted=True), client=retrying), PLACE, adding("eni-2"))

    assert done.merges == 1
    assert names(current(cloud).value.tables) == ["eni-1", "eni-2"]


@pytest.mark.parametrize("fault", [Refuse("InternalError"), Refuse("AccessDenied", 403), Reset()])
def test_a_crash_between_object_and_pointer_leaves_the_old_state(cloud, fault):
    """The new object lies there and nobody reads it; the next run goes on from the old one."""
    publish(cloud.s3, PLACE, adding("eni-1"))
    held = current(cloud)

    with pytest.raises(Exception, match=r"InternalError|AccessDenied|Connection"):
        publish(FailingPut(cloud, KEY, fault, FOREVER), PLACE, adding("eni-2"))

    cloud.clear_faults()
    assert len(keys(cloud)) == 3
    assert read(cloud.s3, PLACE, held) == Unchanged()
    publish(cloud.s3, PLACE, adding("eni-3"))
    assert names(current(cloud).value.tables) == ["eni-1", "eni-3"]


def test_the_same_inventory_again_needs_no_second_object(cloud):
    """Its key is that of its bytes."""
    publish(cloud.s3, PLACE, lambda _: tables("eni-1"))
    publish(cloud.s3, PLACE, lambda _: tables("eni-1"))

    assert len(keys(cloud)) == 2


class MovedOn:
    """An S3 client before which, on the first read of a snapshot, a refresher moves the pointer on and cleans up."""

    def __init__(self, cloud: Cloud, gone: str) -> None:
        self._cloud, self._gone = cloud, gone
        self.exceptions = cloud.s3.exceptions

    def get_object(self, **arguments: Any) -> Any:
        """Get; the object that is asked for has just gone."""
        if arguments["Key"] == self._gone and self._gone in keys(self._cloud):
            publish(self._cloud.s3, PLACE, adding("eni-2"))
            self._cloud.s3.delete_object(Bucket=BUCKET, Key=self._gone)
        return self._cloud.s3.get_object(**arguments)


def test_an_object_that_vanished_meanwhile_is_looked_for_once_more(cloud):
    """Through the pointer as it is now, and with its ETag."""
    gone = publish(cloud.s3, PLACE, adding("eni-1")).pointer.snapshot

    found = read(MovedOn(cloud, gone), PLACE)

    assert isinstance(found, New)
    assert names(found.value.tables) == ["eni-1", "eni-2"]
    assert found.token == current(cloud).token


def damaged(cloud: Cloud) -> None:
    """The snapshot has become something else."""
    put(cloud, b"PAR1 but no snapshot", current(cloud).value.pointer.snapshot)


def vanished(cloud: Cloud) -> None:
    """The snapshot has gone."""
    cloud.s3.delete_object(Bucket=BUCKET, Key=current(cloud).value.pointer.snapshot)


def upgraded(cloud: Cloud) -> None:
    """Another version of this program wrote the pointer, and was then rolled back."""
    told = json.loads(cloud.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
    put(cloud, json.dumps(told | {"version": 3}).encode())


@pytest.mark.parametrize(
    ("happens", "reason", "kept_formats"),
    [(damaged, "was damaged", FORMATS), (vanished, "is not there", FORMATS), (upgraded, "has version '3'", ())],
)
def test_what_cannot_be_read_is_kept_from_readers_and_replaced_by_a_writer(cloud, happens, reason, kept_formats):
    """A new history begins without anybody's help, and says why; the pointer's own facts stand if they can be read."""
    publish(cloud.s3, PLACE, adding("eni-1"), Facts(FORMATS, {}))
    happens(cloud)

    with pytest.raises(LoadError):
        read(cloud.s3, PLACE)
    done = publish(cloud.s3, PLACE, adding("eni-2"))

    assert reason in (done.begun_anew or "")
    assert names(current(cloud).value.tables) == ["eni-2"]
    assert current(cloud).value.pointer.log_formats == kept_formats
    assert publish(cloud.s3, PLACE, adding("eni-3")).begun_anew is None


def test_beginning_anew_loses_against_a_writer_who_went_on(cloud):
    """Who mended the pointer meanwhile is not overwritten: the loser merges onto what is there now."""
    publish(cloud.s3, PLACE, adding("eni-1"))
    upgraded(cloud)
    tries = []

    def slow(before: InventoryTables | None) -> InventoryTables:
        if not tries:
            publish(cloud.s3, PLACE, adding("eni-fast"))
        tries.append(before)
        return adding("eni-slow")(before)

    done = publish(cloud.s3, PLACE, slow)

    assert names(current(cloud).value.tables) == ["eni-fast", "eni-slow"]
    assert (done.merges, done.begun_anew) == (2, None)


def test_facts_of_half_the_accounts_stand_beside_what_was_known(cloud):
    """A format that only the other account tells of is still needed for its records."""
    publish(cloud.s3, PLACE, adding("eni-1"), Facts(("${version} b",), {"asg-tag": "team"}))

    done = publish(cloud.s3, PLACE, adding("eni-2"), Facts(("${version} a",), {"instance-tag": "p"}, is_partial=True))

    assert done.pointer.log_formats == ("${version} a", "${version} b")
    assert done.pointer.tag_keys == {"asg-tag": "team", "instance-tag": "p"}


HOSTILE = [
    b"", b"{}", b"not json", b"PAR1 but no snapshot", b'{"version": 1}', b" " * 5_000_000,
    Pointer("elsewhere/snapshots/x.parquet", 1.0).to_json(), Pointer("s3://other/x.parquet", 1.0).to_json(),
    Pointer(KEY, 1.0).to_json(),
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_pointer_is_refused(cloud, body):
    """Readers keep what they have; a writer replaces only what once was a pointer, never somebody's other object."""
    publish(cloud.s3, PLACE, adding("eni-1"))
    held = current(cloud)
    put(cloud, body)

    for known in (held, None):
        with pytest.raises(LoadError, match=r"^(pointer|inventory) s3://inventory-bucket/inventory/pointer.json: .+; "):
            read(cloud.s3, PLACE, known)
    if b'"snapshot"' in body:
        assert publish(cloud.s3, PLACE, adding("eni-2")).begun_anew is not None
        return
    with pytest.raises(InventoryError):
        publish(cloud.s3, PLACE, adding("eni-2"))
    assert cloud.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == body


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1 but no snapshot", b"\0" * 4096])
def test_a_snapshot_that_was_damaged_is_refused(cloud, body):
    """Not half of it is read."""
    key = publish(cloud.s3, PLACE, adding("eni-1")).pointer.snapshot
    put(cloud, body, key)

    with pytest.raises(LoadError, match="was damaged"):
        read(cloud.s3, PLACE)


@pytest.mark.parametrize(
    "fault", [Refuse("InternalError"), Refuse("AccessDenied", 403), Refuse("SlowDown", 503), Reset(), Truncate()]
)
def test_when_s3_fails_nothing_is_learnt(cloud, fault):
    """One line that names what was asked for; never "not there"."""
    publish(cloud.s3, PLACE, adding("eni-1"))
    cloud.fail("s3", "GetObject", fault, times=FOREVER)

    with pytest.raises(LoadError, match=r"^inventory s3://inventory-bucket/inventory/pointer.json: \w+; "):
        read(cloud.s3, PLACE)


def test_the_owner_of_the_bucket_is_told_with_every_request(cloud):
    """A bucket of that name in another account is then refused by S3 itself."""
    place = Place.of(f"s3://{BUCKET}/{KEY}", "111122223333")
    publish(cloud.s3, place, adding("eni-1"))
    cloud.reset_calls()
    publish(cloud.s3, place, adding("eni-2"))
    read(cloud.s3, place)

    told = [call.params.get("ExpectedBucketOwner") for call in cloud.calls if call.params["Key"] == KEY]
    assert set(told) == {"111122223333"}
    assert len(told) == 3


def test_the_pointer_is_small_and_for_people_too(cloud):
    """JSON, readable with any tool."""
    publish(cloud.s3, PLACE, adding("eni-1"), Facts(FORMATS, {}))

    found = cloud.s3.get_object(Bucket=BUCKET, Key=KEY)

    assert found["ContentType"] == "application/json"
    assert json.loads(found["Body"].read())["version"] == 2
