"""The record shapes and the event, against documents written by hand."""

import gzip
import json

import pytest

from workbench.envelopes import (
    DeliveryRecord,
    LogEvent,
    LogSource,
    bare_record,
    compressed_record,
    control_envelope,
    data_envelope,
    decompressed_record,
    delivery_records,
    event,
    extracted_record,
    log_event,
    message_record,
    message_records,
    transformation_event,
)

STREAM_ARN = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/flow-logs"
SOURCE = LogSource("123456789012", "/vpc/flow-logs", "eni-0a1b-all", "to-firehose")


def test_a_line_becomes_one_compact_json_object():
    """VPC Flow Logs wraps each line into an object with the single member message."""
    assert message_record("2 1234 eni-1 OK") == b'{"message":"2 1234 eni-1 OK"}'


def test_a_newline_follows_the_object_where_asked():
    """Senders differ in whether LF ends the record."""
    assert message_record("a b", newline=True) == b'{"message":"a b"}\n'


def test_quotes_and_other_scripts_survive_in_a_message():
    """The line is a JSON string: quotes are escaped, other scripts are UTF-8."""
    assert message_record('say "ü"') == b'{"message":"say \\"\xc3\xbc\\""}'


@pytest.mark.parametrize(
    ("newline", "expected"),
    [(False, b'{"message":"a"}{"message":"b"}'), (True, b'{"message":"a"}\n{"message":"b"}\n')],
)
def test_several_objects_share_a_record_with_and_without_newline(newline, expected):
    """Delivery records may hold several objects without any delimiter."""
    assert message_records(["a", "b"], newline=newline) == expected


@pytest.mark.parametrize(
    ("lines", "newline", "expected"),
    [(["a b"], False, b"a b"), (["a b"], True, b"a b\n"), (["a", "b"], False, b"a\nb"), (["a", "b"], True, b"a\nb\n")],
)
def test_bare_lines_are_joined_by_newlines(lines, newline, expected):
    """A producer of its own puts lines as they are."""
    assert bare_record(lines, newline=newline) == expected


def test_a_data_envelope_has_the_members_of_a_cloudwatch_logs_subscription():
    """The envelope names its origin and lists the events in order."""
    envelope = data_envelope([LogEvent(1488216331000, "first"), LogEvent(1488216332000, "second")], SOURCE)

    assert [log.pop("id") for log in envelope["logEvents"]] == [
        # bc: 1488216331000*2^144 and 1488216332000*2^144+1; an id seen on AWS at that time begins 331883331979231105.
        "33188333197923110562839980353170402213591809257373696000",
        "33188333220223855761370603494706120486240170763354112001",
    ]
    assert envelope == {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/vpc/flow-logs",
        "logStream": "eni-0a1b-all",
        "subscriptionFilters": ["to-firehose"],
        "logEvents": [
            {"timestamp": 1488216331000, "message": "first"},
            {"timestamp": 1488216332000, "message": "second"},
        ],
    }


def test_event_ids_of_early_times_keep_their_56_digits():
    """Ids are as long as AWS's whatever the time."""
    (log,) = data_envelope([LogEvent(0, "x")], SOURCE)["logEvents"]

    assert log["id"] == "0" * 56


def test_extracted_fields_name_the_fields_of_the_line_and_stay_text():
    """A space-delimited filter pattern names the fields; CloudWatch Logs repeats them, as strings."""
    log = log_event("2 eni-1 443", timestamp_ms=7, field_names=["version", "eni", "port"])

    (entry,) = data_envelope([log], SOURCE)["logEvents"]

    assert entry["extractedFields"] == {"version": "2", "eni": "eni-1", "port": "443"}


def test_without_names_there_are_no_extracted_fields():
    """Most subscriptions have no field pattern."""
    (entry,) = data_envelope([log_event("2 eni-1", timestamp_ms=7)], SOURCE)["logEvents"]

    assert "extractedFields" not in entry


def test_names_that_do_not_fit_the_line_are_refused():
    """A field without a name, or a name without a field, is a mistake of the test that builds it."""
    with pytest.raises(ValueError, match="shorter"):
        log_event("2 eni-1", timestamp_ms=7, field_names=["version", "eni", "port"])


def test_a_control_envelope_carries_no_flow_record():
    """CloudWatch Logs checks the stream with a message of its own."""
    envelope = control_envelope(1488216331000)

    assert envelope["messageType"] == "CONTROL_MESSAGE"
    assert envelope["owner"] == "CloudwatchLogs"
    assert [log["timestamp"] for log in envelope["logEvents"]] == [1488216331000]


def test_a_compressed_record_is_gzip_of_the_envelope():
    """The subscription compresses the envelope's JSON."""
    envelope = data_envelope([LogEvent(1, "a b")], SOURCE)

    assert json.loads(gzip.decompress(compressed_record(envelope))) == envelope


def test_the_same_envelope_compresses_to_the_same_bytes():
    """No clock goes into the gzip header, so events can be compared."""
    record = compressed_record(control_envelope(1))

    assert record[:2] == b"\x1f\x8b"
    assert record[4:8] == b"\0\0\0\0"


def test_several_envelopes_are_gzip_members_one_behind_the_other():
    """Aggregated records decompress to the envelopes' JSON without a delimiter."""
    one, two = data_envelope([LogEvent(1, "a")], SOURCE), control_envelope(2)

    record = compressed_record(one, two)

    assert record == compressed_record(one) + compressed_record(two)
    assert gzip.decompress(record) == decompressed_record(one, two)


def test_decompression_leaves_the_json_as_it_is():
    """With Firehose's decompression on, the function sees the envelope itself."""
    assert decompressed_record(control_envelope(5)) == (
        b'{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"",'
        b'"subscriptionFilters":[],"logEvents":[{"id":"","timestamp":5,'
        b'"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}'
    )


def test_extraction_ends_every_message_with_a_newline():
    """With message extraction, only the lines are left, an empty one included."""
    envelope = data_envelope([LogEvent(1, "a b"), LogEvent(2, ""), LogEvent(3, "c")], SOURCE)

    assert extracted_record(envelope) == b"a b\n\nc\n"


def test_extraction_empties_a_control_message():
    """One envelope stays one record, so a control message becomes an empty one."""
    assert extracted_record(control_envelope(1)) == b""


def test_an_event_is_what_firehose_invokes_a_function_with():
    """Members, their order, base64 and milliseconds are AWS's; later records arrive later."""
    built = event([b"a", b""], STREAM_ARN, "eu-west-1", "invocation-1", first_arrival_ms=1763600000000)

    assert json.dumps(built) == json.dumps(
        {
            "invocationId": "invocation-1",
            "deliveryStreamArn": STREAM_ARN,
            "region": "eu-west-1",
            "records": [
                {
                    "recordId": "49546986683135544286507457936321625675700192471156785154000000",
                    "approximateArrivalTimestamp": 1763600000000,
                    "data": "YQ==",
                },
                {
                    "recordId": "49546986683135544286507457936321625675700192471156785155000000",
                    "approximateArrivalTimestamp": 1763600000001,
                    "data": "",
                },
            ],
        }
    )


def test_a_kinesis_source_adds_its_arn_and_each_records_origin():
    """The Kinesis variant carries sequence number, partition key and shard."""
    built = event([b"a"], STREAM_ARN, "eu-west-1", "invocation-1", kinesis=True, first_arrival_ms=1763600000000)

    assert built["sourceKinesisStreamArn"] == "arn:aws:kinesis:eu-west-1:123456789012:stream/flow-logs"
    assert built["records"][0]["kinesisRecordMetadata"] == {
        "sequenceNumber": "49546986683135544286507457936321625675700192471156785154",
        "subsequenceNumber": 0,
        "partitionKey": "partition-54",
        "shardId": "shardId-000000000000",
        "approximateArrivalTimestamp": 1763600000000,
    }


def test_an_event_keeps_ids_and_times_of_identified_records():
    """Retries repeat the records under another invocation id."""
    records = [DeliveryRecord("r-1", b"x", 11), DeliveryRecord("r-2", b"y", 22)]

    first = transformation_event(records, STREAM_ARN, "eu-west-1", "i-1")
    second = transformation_event(records, STREAM_ARN, "eu-west-1", "i-2")

    assert [(r["recordId"], r["approximateArrivalTimestamp"]) for r in first["records"]] == [("r-1", 11), ("r-2", 22)]
    assert first["records"] == second["records"]
    assert (first["invocationId"], second["invocationId"]) == ("i-1", "i-2")


def test_record_ids_are_unique_within_an_event():
    """Firehose tells records apart by their ids."""
    records = delivery_records([b"same"] * 1000, first_arrival_ms=0)

    assert len({record.record_id for record in records}) == 1000
