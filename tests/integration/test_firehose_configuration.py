"""A delivery stream's settings as AWS takes them, and the object keys that they make."""

import random
from typing import Any

import pytest
from simulated_firehose import START_MS, broken, make_bench

from enricher.errors import SettingsError
from workbench.firehose import (
    BufferHints,
    Destination,
    LambdaProcessor,
    Processing,
    SimulatedClock,
    StreamSettings,
    stream_settings,
    uuid_ids,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:enrich"
ERRORS = "errors/!{firehose:error-output-type}/"


def read(**members: object):
    """The settings of a stream with these members of ExtendedS3DestinationConfiguration."""
    return stream_settings("flow-logs", "123456789012", "eu-west-1", members)


def processing(*processors: tuple[str, dict[str, str]], **members: object):
    """A ProcessingConfiguration; parameters are given as a dict."""
    return {
        "ProcessingConfiguration": {
            "Processors": [
                {
                    "Type": kind,
                    "Parameters": [{"ParameterName": n, "ParameterValue": v} for n, v in parameters.items()],
                }
                for kind, parameters in processors
            ],
            **members,
        }
    }


# ── ExtendedS3DestinationConfiguration ───────────────────────────────────────────────────────────────────────────────


def test_a_whole_configuration_is_read():
    """The members that the API, the CLI and CloudFormation share become settings; MB are MiB, texts are numbers."""
    settings = read(
        BucketARN="arn:aws:s3:::lake",
        RoleARN="arn:aws:iam::123456789012:role/firehose",
        Prefix="delivered/",
        ErrorOutputPrefix=ERRORS,
        BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 900},
        CompressionFormat="UNCOMPRESSED",
        CloudWatchLoggingOptions={"Enabled": True},
        S3BackupMode="Enabled",
        S3BackupConfiguration={
            "BucketARN": "arn:aws:s3:::source",
            "Prefix": "source/",
            "CompressionFormat": "GZIP",
        },
        **processing(
            ("CloudWatchLogProcessing", {"DataMessageExtraction": "true"}),
            ("Lambda", {"LambdaArn": ARN, "NumberOfRetries": "1", "BufferSizeInMBs": "0.25"}),
            ("Decompression", {"CompressionFormat": "GZIP"}),
            ("AppendDelimiterToRecord", {"Delimiter": "\\n"}),
            Enabled=True,
        ),
    )

    assert settings == StreamSettings(
        "flow-logs",
        "123456789012",
        "eu-west-1",
        Destination("delivered/", ERRORS, BufferHints(67_108_864, 900)),
        Processing(
            decompression=True,
            message_extraction=True,
            function=LambdaProcessor(ARN, 1, BufferHints(262_144, 60)),
            append_delimiter=True,
        ),
        Destination("source/", None, BufferHints(5_242_880, 300), gzip=True),
    )
    assert settings.arn == "arn:aws:firehose:eu-west-1:123456789012:deliverystream/flow-logs"


def test_what_is_left_out_has_firehoses_defaults():
    """5 MiB or 300 s at the destination, 1 MiB or 60 s and three retries for the function, no backup."""
    settings = read(**processing(("Lambda", {"LambdaArn": ARN}), Enabled="true"))

    assert settings.destination == Destination("", None, BufferHints(5_242_880, 300))
    assert settings.processing == Processing(function=LambdaProcessor(ARN, 3, BufferHints(1_048_576, 60)))
    assert settings.backup is None


@pytest.mark.parametrize("members", [{}, {"Enabled": False}, {"Enabled": "false"}], ids=repr)
def test_processing_is_off_unless_enabled(members):
    """An omitted Enabled is stored as false: records are delivered untransformed, the function is never called."""
    settings = read(Prefix="delivered/", **processing(("Lambda", {"LambdaArn": ARN}), **members))
    bench = make_bench(broken, destination=settings.destination, processing=settings.processing)

    bench.put_and_drain(b"a")

    assert (bench.bodies("delivered/"), bench.events) == ([b"a"], [])


LAMBDA = ("Lambda", {"LambdaArn": ARN})


@pytest.mark.parametrize(
    ("members", "culprit"),
    [
        ({"Prefixes": "x"}, "Prefixes"),
        ({"Prefix": {"Fn::Sub": "x"}}, "resolve the template"),
        ({"CompressionFormat": "Snappy"}, "CompressionFormat 'Snappy'"),
        ({"CustomTimeZone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ({"DataFormatConversionConfiguration": {}}, "DataFormatConversionConfiguration"),
        ({"DynamicPartitioningConfiguration": {"Enabled": True}}, "DynamicPartitioningConfiguration"),
        ({"BufferingHints": {"SizeInMBs": 0.5}}, "SizeInMBs is 0.5"),
        ({"BufferingHints": {"SizeInMBs": 129}}, "SizeInMBs is 129"),
        ({"BufferingHints": {"SizeInMBs": "five"}}, "'five'"),
        ({"BufferingHints": {"IntervalInSeconds": 901}}, "901"),
        ({"BufferingHints": {"IntervalInSeconds": -1}}, "-1"),
        ({"S3BackupMode": "Enabled"}, "S3BackupConfiguration"),
        ({"S3BackupMode": "On"}, "'On'"),
        (
            {"S3BackupMode": "Enabled", "S3BackupConfiguration": {"BufferingHints": {"IntervalInSeconds": 59}}},
            "IntervalInSeconds is 59",
        ),
        (processing(LAMBDA, Enabled="yes"), "'yes'"),
        (processing(Enabled=True), "0 processors"),
        (processing(*[("AppendDelimiterToRecord", {})] * 6, Enabled=True), "6 processors"),
        (processing(LAMBDA, LAMBDA, Enabled=True), "more than one Lambda"),
        (processing(("MetadataExtraction", {}), Enabled=True), "'MetadataExtraction'"),
        (processing(("Lambda", {}), Enabled=True), "LambdaArn"),
        (processing(("Lambda", {"LambdaArn": ARN, "BufferSizeMB": "1"}), Enabled=True), "BufferSizeMB"),
        (processing(("Lambda", {"LambdaArn": ARN, "BufferSizeInMBs": "0.1"}), Enabled=True), "0.1"),
        (processing(("Lambda", {"LambdaArn": ARN, "BufferSizeInMBs": "3.5"}), Enabled=True), "3.5"),
        (processing(("Lambda", {"LambdaArn": ARN, "NumberOfRetries": "-1"}), Enabled=True), "NumberOfRetries"),
        (
            processing(("CloudWatchLogProcessing", {"DataMessageExtraction": "true"}), Enabled=True),
            "Decompression",
        ),
    ],
    ids=str,
)
def test_what_aws_refuses_or_we_do_not_simulate_is_refused_by_name(members, culprit):
    """One line names the culprit, so that a template is not simulated as something else."""
    with pytest.raises(SettingsError) as refused:
        read(**members)

    assert culprit in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("size", "size_bytes"), [("0.2", 209_715), ("3", 3_145_728)])
def test_the_bounds_of_the_functions_buffer_are_allowed(size, size_bytes):
    """0.2 and 3 MB are the least and the most."""
    settings = read(**processing(("Lambda", {"LambdaArn": ARN, "BufferSizeInMBs": size}), Enabled=True))

    assert settings.processing.function == LambdaProcessor(ARN, buffer=BufferHints(size_bytes, 60))


def test_a_conversion_that_is_off_does_not_matter():
    """What is disabled has no effect on AWS either."""
    settings = read(DataFormatConversionConfiguration={"Enabled": False})

    assert settings.destination == Destination()


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

NAME = "flow-logs-1-2025-11-20-00-53-20-id-"


def keys(prefix, error_output_prefix):
    """The keys of one delivered object and one of error objects, without the id at their end, delivered first."""

    def function(event: dict[str, Any]) -> object:
        good, bad = (record["recordId"] for record in event["records"])
        return {
            "records": [
                {"recordId": good, "result": "Ok", "data": "Z29vZA=="},
                {"recordId": bad, "result": "ProcessingFailed", "data": ""},
            ]
        }

    bench = make_bench(function, destination=Destination(prefix, error_output_prefix))
    bench.put_and_drain(b"good", b"bad")
    found = {body == b"good": key[: -len("00000000")] for key, body in bench.store.objects()}
    return [found[True], found[False]]


@pytest.mark.parametrize(
    ("prefix", "error_output_prefix", "delivered", "errors"),
    [
        ("", None, "2025/11/20/00/", "processing-failed/2025/11/20/00/"),
        ("lake", None, "lake2025/11/20/00/", "lakeprocessing-failed/2025/11/20/00/"),
        ("lake/", "errors/", "lake/2025/11/20/00/", "errors/processing-failed/2025/11/20/00/"),
        ("", ERRORS, "2025/11/20/00/", "errors/processing-failed/"),
        (
            "day=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/",
            "!{timestamp:yyyy/MM/dd/HH}/!{firehose:error-output-type}/",
            "day=2025-11-20/hour=00/",
            "2025/11/20/00/processing-failed/",
        ),
        ("!{timestamp:'day='yyyy''DDD'T'mmss}/", ERRORS, "day=2025'324T5320/", "errors/processing-failed/"),
    ],
)
def test_prefixes_are_evaluated_at_the_oldest_records_arrival(prefix, error_output_prefix, delivered, errors):
    """Expressions, defaults, quotes and the error type make the keys that AWS documents."""
    assert keys(prefix, error_output_prefix) == [delivered + NAME, errors + NAME]


def test_random_strings_have_eleven_characters_and_keep_the_default_hour():
    """Every instance is new; a prefix without a timestamp gets the hour appended, whatever else it holds."""
    delivered, _ = keys("!{firehose:random-string}/!{firehose:random-string}/", ERRORS)

    one, two, rest = delivered.split("/", 2)
    assert (len(one), len(two), rest) == (11, 11, "2025/11/20/00/" + NAME)
    assert one != two


@pytest.mark.parametrize(
    ("prefix", "error_output_prefix", "culprit"),
    [
        ("!{timestamp:yyyy}/", None, "ErrorOutputPrefix"),
        ("!{firehose:error-output-type}/", ERRORS, "Prefix"),
        ("", "!{timestamp:yyyy}/", "error-output-type"),
        ("!{partitionKeyFromLambda:vpc}/", ERRORS, "partitionKeyFromLambda"),
        ("!{timestamp:YYYY}/", ERRORS, "'YYYY'"),
        ("!{timestamp:yyyy/DD}/", ERRORS, "'DD'"),
        ("!{timestamp:yyyy'/}/", ERRORS, "quote"),
        ("!{timestamp/", ERRORS, "!{"),
        ("x" * 513, None, "513"),
        ("", ERRORS + "x" * 485, "513"),
    ],
)
def test_prefixes_that_aws_refuses_are_refused(prefix, error_output_prefix, culprit):
    """AWS checks prefixes when the stream is made, so do we; week-years are a trap, not a feature."""
    with pytest.raises(SettingsError) as refused:
        Destination(prefix, error_output_prefix)

    assert culprit in str(refused.value)


def test_512_characters_are_allowed_and_the_appended_hour_not_counted():
    """A literal of 512 characters was accepted on AWS."""
    assert Destination("x" * 512).prefix == "x" * 512


# ── clock and ids ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_simulated_clock_moves_forward_only():
    """Moving to a time that has passed changes nothing."""
    clock = SimulatedClock(START_MS)

    clock.advance(1.5)
    clock.move_to(START_MS)

    assert clock.now_ms() == START_MS + 1500


def test_uuid_ids_repeat_with_their_seed_and_never_within_a_run():
    """The same seed makes the same run; ids are UUIDs of version 4."""
    one, again = (uuid_ids(random.Random(7)) for _ in range(2))  # noqa: S311 - reproducible, not secret

    ids = [one() for _ in range(1000)]

    assert ids == [again() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {(len(i), i[14]) for i in ids} == {(36, "4")}
