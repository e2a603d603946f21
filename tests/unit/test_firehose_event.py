"""The delivery stream's envelope: what is read of an event, what is refused, what is answered."""

import base64
from typing import Any

import pytest

from enricher.errors import EventError
from enricher.firehose import read_event, response
from workbench.envelopes import DeliveryRecord, transformation_event

ARN = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/flow-logs"
AT = 1_794_996_300_000
MEND = "; expected a Firehose transformation event (deliveryStreamArn, region, records)"


def event(*payloads: bytes, kinesis: bool = False, invocation_id: str = "one") -> dict[str, Any]:
    """An event of these payloads, a second apart."""
    records = [DeliveryRecord(f"id-{n}", payload, AT + 1000 * n) for n, payload in enumerate(payloads)]
    return transformation_event(records, ARN, "eu-west-1", invocation_id, kinesis=kinesis)


def event_with(**members: Any) -> dict[str, Any]:
    """An event whose only record has other members; None leaves one out."""
    told = event(b"x")
    told["records"][0] |= members
    told["records"][0] = {name: value for name, value in told["records"][0].items() if value is not None}
    return told


@pytest.mark.parametrize("kinesis", [False, True])
def test_an_event_becomes_columns_in_its_order(kinesis):
    """Ids, payloads and arrivals; a Kinesis source brings the same under the stream's own ARN."""
    delivery = read_event(event(b"one", b"", b"\xff\x00", kinesis=kinesis))

    assert (delivery.stream_arn, delivery.region) == (ARN, "eu-west-1")
    assert delivery.record_ids == ["id-0", "id-1", "id-2"]
    assert delivery.payloads == [b"one", b"", b"\xff\x00"]
    assert delivery.data == ["b25l", "", "/wA="]
    assert delivery.arrived_at.to_pylist() == [AT, AT + 1000, AT + 2000]


@pytest.mark.parametrize(
    "data", ["YQ", "YQ=", "YQ==\n", " YQ==", "YQ==YQ==", "YQ==YQ", "QUJD=", "-_-_", "====", "é", "Y\0Q=", "\ud800"]
)
def test_what_is_not_base64_has_no_payload(data):
    """Only whole, padded base64 of the standard alphabet is data; the others of the batch are read all the same."""
    told = event(b"one", b"two")
    told["records"][0]["data"] = data
    delivery = read_event(told)

    assert delivery.payloads == [None, b"two"]
    assert delivery.data[0] == data


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (AT, AT),
        (float(AT), AT),
        (AT + 0.9, AT),
        (0, 0),
        ("2026-11-18T10:05:00Z", AT),
        ("2026-11-18T11:05:00+01:00", AT),
        ("2026-11-18T10:05:00", AT),
        ("2026-11-18T10:05:00.250Z", AT + 250),
    ],
)
def test_arrivals_are_unix_milliseconds(moment, expected):
    """A number, or a time in ISO 8601 (UTC where it names no zone)."""
    assert read_event(event_with(approximateArrivalTimestamp=moment)).arrived_at.to_pylist() == [expected]


def test_an_arrival_may_stand_in_the_records_kinesis_metadata():
    """Some events of Kinesis sources tell it there alone."""
    told = event(b"x", kinesis=True)
    del told["records"][0]["approximateArrivalTimestamp"]

    assert read_event(told).arrived_at.to_pylist() == [AT]


def test_the_region_may_come_from_the_arn():
    """It is the ARN's fourth part."""
    told = event(b"x")
    del told["region"]

    assert read_event(told).region == "eu-west-1"


def test_an_event_without_records_is_an_empty_batch():
    """Nothing to do is not an error."""
    delivery = read_event(event())

    assert response(delivery, []) == {"records": []}


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "event",
        {},
        {"records": None},
        {"records": {}},
        {"deliveryStreamArn": ARN, "region": "eu-west-1"},
        {"records": []},
        {"records": [], "deliveryStreamArn": 5, "region": "eu-west-1"},
        {"records": [], "deliveryStreamArn": ARN, "region": "../.."},
        {"records": [], "deliveryStreamArn": ARN, "region": 5},
        {"records": [], "deliveryStreamArn": "flow-logs"},
        {"records": [None], "deliveryStreamArn": ARN, "region": "eu-west-1"},
        {"records": ["x"], "deliveryStreamArn": ARN, "region": "eu-west-1"},
        {"records": [[]], "deliveryStreamArn": ARN, "region": "eu-west-1"},
        event_with(recordId=None),
        event_with(recordId=5),
        event_with(data=None),
        event_with(data=5),
        event_with(approximateArrivalTimestamp=None),
        event_with(approximateArrivalTimestamp=None, kinesisRecordMetadata="x"),
        event_with(approximateArrivalTimestamp=None, kinesisRecordMetadata={"approximateArrivalTimestamp": "soon"}),
        event_with(approximateArrivalTimestamp="soon"),
        event_with(approximateArrivalTimestamp=[]),
        event_with(approximateArrivalTimestamp=True),
        event_with(approximateArrivalTimestamp=-1),
        event_with(approximateArrivalTimestamp=253_402_300_800_000),
        event_with(approximateArrivalTimestamp=10**30),
        event_with(approximateArrivalTimestamp=float("nan")),
        event_with(approximateArrivalTimestamp=float("inf")),
    ],
)
def test_what_is_no_transformation_event_is_refused(told):
    """One line: what is wrong, and what was expected."""
    with pytest.raises(EventError) as refused:
        read_event(told)

    assert str(refused.value).startswith("event: ")
    assert str(refused.value).endswith(MEND)
    assert str(refused.value).isprintable()


def test_a_refusal_names_the_record():
    """By its position, from 0."""
    told = event(b"one", b"two")
    del told["records"][1]["recordId"]

    with pytest.raises(EventError, match=r"^event: record 1 has no recordId or data; "):
        read_event(told)


def test_every_record_is_answered_once_in_order():
    """``Dropped`` delivers nothing and counts as processed; what failed goes back as it came."""
    told = event(b"one", b"two", b"", b"four")
    told["records"][3]["data"] = "no base64!"
    delivery = read_event(told)

    assert response(delivery, [1, 3]) == {
        "records": [
            {"recordId": "id-0", "result": "Dropped", "data": ""},
            {"recordId": "id-1", "result": "ProcessingFailed", "data": "dHdv"},
            {"recordId": "id-2", "result": "Dropped", "data": ""},
            {"recordId": "id-3", "result": "ProcessingFailed"},
        ]
    }


def digest(told: dict[str, Any]) -> str:
    """The batch's name."""
    return read_event(told).digest()


def test_a_retry_has_the_name_of_the_first_attempt():
    """Attempts differ in their invocation id alone."""
    assert digest(event(b"one", b"two")) == digest(event(b"one", b"two", invocation_id="two"))


def test_any_other_batch_has_another_name():
    """Other data, ids, order, cuts or stream."""
    batches = [
        event(b"one", b"two"),
        event(b"two", b"one"),
        event(b"on", b"etwo"),
        event(b"onetwo"),
        event(b"onetwo", b""),
        event(b"", b"onetwo"),
        event(b"one", b"two", b""),
        event(),
        event(b""),
    ]
    other_id = event(b"one", b"two")
    other_id["records"][0]["recordId"] = "id-9"
    merged_ids = event(b"one", b"two")
    merged_ids["records"][0]["recordId"], merged_ids["records"][1]["recordId"] = "id-0i", "d-1"
    other_stream = event(b"one", b"two") | {"deliveryStreamArn": ARN + "-2"}
    not_base64 = event(b"one", b"two")
    not_base64["records"][0]["data"] = "b25l!"
    every = [*batches, other_id, merged_ids, other_stream, not_base64]

    assert len({digest(told) for told in every}) == len(every)


def test_a_name_is_fit_for_a_key():
    """32 hexadecimal digits, whatever the record holds."""
    told = event_with(recordId="\ud800/../é", data="\ud800")

    assert len(digest(told)) == 32
    assert set(digest(told)) <= set("0123456789abcdef")


def test_payloads_of_a_full_event_are_the_bytes_that_were_put():
    """Any byte survives the way."""
    every_byte = bytes(range(256)) * 4
    told = event(*(every_byte[n:] for n in range(256)))

    assert read_event(told).payloads == [every_byte[n:] for n in range(256)]
    assert [base64.b64decode(data) for data in read_event(told).data] == read_event(told).payloads
