"""What the operator is told: alarms fire for what they are about, and name only what the code writes."""

import json
import re
from dataclasses import dataclass

import pytest
from static.deployed import STACK, main_stack, nested_stack
from static.templates import ROOT

from compaction import figures
from enricher import endpoints
from enricher.metrics import METRICS, REFRESHER_METRICS

OURS = "VpcFlowLogEnrichment"
WRITTEN = {
    STACK: METRICS,
    f"{STACK}-refresh": REFRESHER_METRICS,
    f"{STACK}-compact": {name: ("Count", meaning) for name, meaning in figures.METRICS.items()},
}
# What AWS writes: namespace → metric → (dimension, what it is named after). CloudWatch metrics pages of the Lambda and
# Firehose developer guides.
OF_AWS = {
    "AWS/Lambda": dict.fromkeys(
        ("ConcurrentExecutions", "Duration", "Errors", "Invocations", "Throttles"), "FunctionName"
    ),
    "AWS/Firehose": dict.fromkeys(("IncomingBytes", "IncomingRecords", "ThrottledRecords"), "DeliveryStreamName"),
}
OF_STREAM_LOG = f"{OURS}/{STACK}"


def monitoring(**chosen: str):
    """The nested stack of alarms and dashboard, parameters of the main one as ``chosen``."""
    return nested_stack(main_stack(**chosen), "Monitoring")


def alarms(**chosen: str):
    """Every alarm as deployed, by the end of its name."""
    found = monitoring(**chosen).of_type("AWS::CloudWatch::Alarm").values()
    return {alarm["AlarmName"].removeprefix(f"{STACK}-"): alarm for alarm in found}


@dataclass(frozen=True)
class Named:
    """A metric as an alarm or a widget names it: namespace, name, and its one dimension (empty: none)."""

    namespace: str
    name: str
    dimension: tuple[str, ...]


def metrics_of(alarm):
    """The metrics that an alarm looks at, by their ids; one that looks at one metric calls it `value`."""
    stats = {part["Id"]: part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part}
    return {
        name: Named(
            metric["Namespace"],
            metric["MetricName"],
            tuple(text for each in metric.get("Dimensions", []) for text in (each["Name"], each["Value"])),
        )
        for name, metric in (stats or {"value": alarm}).items()
    }


def widgets(**chosen: str):
    """The dashboard's widgets, parameters of the main stack as ``chosen``."""
    return json.loads(monitoring(**chosen).properties("Dashboard")["DashboardBody"])["widgets"]


def metrics_shown():
    """Every metric on the dashboard; expressions left out."""
    rows = [row for widget in widgets() if widget["type"] == "metric" for row in widget["properties"]["metrics"]]
    texts = [[cell for cell in row if isinstance(cell, str)] for row in rows]
    return [Named(row[0], row[1], tuple(row[2:])) for row in texts if row]


def is_written(metric: Named):
    """Whether somebody writes that metric: our code under its service, AWS for a resource of ours, the stream's log."""
    if metric.namespace == OF_STREAM_LOG:
        return metric == Named(OF_STREAM_LOG, "StreamErrors", ())
    if metric.namespace in OF_AWS:
        named_after = (STACK,) if metric.namespace == "AWS/Firehose" else (f"{STACK}-transform", f"{STACK}-refresh")
        return metric.dimension in {(OF_AWS[metric.namespace].get(metric.name), name) for name in named_after}
    label, service = metric.dimension
    declared = WRITTEN.get(service, {})
    return (metric.namespace, label) == (OURS, "service") and (
        metric.name in declared or f"{metric.name.partition('_')[0]}_*" in declared
    )


# ---- names --------------------------------------------------------------------------------------------------------


def test_services_are_those_under_which_the_code_writes():
    """Namespace and service of functions and job, as deployed, are those that alarms and dashboard look for."""
    stack = main_stack()
    for function, service in (("TransformFunction", STACK), ("RefreshFunction", f"{STACK}-refresh")):
        variables = stack.properties(function)["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == service
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == OURS
    arguments = nested_stack(stack, "Jobs").properties("CompactJob")["DefaultArguments"]
    assert (arguments["--service"], figures.NAMESPACE) == (f"{STACK}-compact", OURS)
    assert stack.properties("TransformFunction")["FunctionName"] == f"{STACK}-transform"
    assert stack.properties("RefreshFunction")["FunctionName"] == f"{STACK}-refresh"
    assert stack.properties("DeliveryStream")["DeliveryStreamName"] == STACK


def test_alarms_look_at_metrics_that_are_written():
    """A misspelt name, service or dimension would be silence for ever."""
    looked_at = {metric for alarm in alarms().values() for metric in metrics_of(alarm).values()}
    assert len(looked_at) >= 15
    assert [metric for metric in looked_at if not is_written(metric)] == []


def test_dashboard_shows_metrics_that_are_written():
    """As for the alarms; a widget of a metric that nobody writes would be empty for ever."""
    assert len(metrics_shown()) >= 60
    assert [metric for metric in metrics_shown() if not is_written(metric)] == []


def test_stream_errors_are_counted_where_the_alarm_looks():
    """The filter counts every line of the stream's own error log, under the name that the alarm has."""
    (stream_filter,) = monitoring().of_type("AWS::Logs::MetricFilter").values()
    (written,) = stream_filter["MetricTransformations"]
    assert (written["MetricNamespace"], written["MetricName"]) == (OF_STREAM_LOG, "StreamErrors")
    assert (stream_filter["FilterPattern"], written["MetricValue"]) == ("", "1")
    options = main_stack().properties("DeliveryStream")["ExtendedS3DestinationConfiguration"][
        "CloudWatchLoggingOptions"
    ]
    assert options["Enabled"] is True
    assert options["LogGroupName"] == stream_filter["LogGroupName"] == "<StreamLogGroup>"


# ---- what alarms say ----------------------------------------------------------------------------------------------


def test_issue_s_alarms_are_there():
    """Each kind of trouble that issue 4 names has its alarm, and those beside it have their reason."""
    assert set(alarms()) == {
        "failed-records", "raised-invocations", "unresolved-share", "snapshot-age", "api-throttled",
        "function-throttled", "stream-throttled", "nothing-arriving", "compaction-behind", "partitions-missing",
        "rejected-share", "batches-given-up", "slow-batches", "refresher-failing", "compaction-failing",
    }  # fmt: skip


def test_no_alarm_waits_for_what_is_not_deployed():
    """Without an inventory, or without a lake, nobody writes those metrics: silence would be an alarm for ever.

    Nor does an alarm tell of what is so by design: without a refresher compaction registers every hour.
    """
    of_compaction = {"compaction-behind", "compaction-failing", "partitions-missing"}
    of_refresher = {"snapshot-age", "refresher-failing", "partitions-missing"}
    assert set(alarms()) - set(alarms(InventoryKey="")) == of_refresher
    assert set(alarms()) - set(alarms(OutputMode="json")) == of_compaction
    assert set(alarms()) - set(alarms(InventoryKey="", OutputMode="json")) == of_compaction | of_refresher


def test_every_alarm_goes_to_the_topic_and_says_what_to_do_first():
    """Both ways, to the topic; its text says what it means and the first thing to do; what silence means is chosen."""
    for name, alarm in alarms().items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["<Topic>"], name
        assert re.search(r"\. First: .+[.?]$", alarm["AlarmDescription"]), name
        assert len(alarm["AlarmDescription"]) <= 1024, name
        assert alarm["TreatMissingData"] in ("breaching", "notBreaching"), name


def test_choice_of_what_silence_means_has_its_reason_beside_it():
    """Silence is trouble where somebody ought to report always, and none where only trouble reports."""
    lines = (ROOT / "monitoring" / "template.yaml").read_text(encoding="utf-8").splitlines()
    chosen = [number for number, line in enumerate(lines) if line.lstrip().startswith("TreatMissingData:")]
    assert len(chosen) == len(alarms())
    assert all(lines[number - 1].lstrip().startswith("# ") for number in chosen)
    silent = {name for name, alarm in alarms().items() if alarm["TreatMissingData"] == "breaching"}
    assert silent == {"nothing-arriving", "snapshot-age", "compaction-behind"}


def test_mail_is_sent_where_an_address_is_given():
    """Without one, the topic alone."""
    assert monitoring().of_type("AWS::SNS::Subscription") == {}
    (mail,) = monitoring(AlarmEmail="ops@example.com").of_type("AWS::SNS::Subscription").values()
    assert (mail["Protocol"], mail["Endpoint"], mail["TopicArn"]) == ("email", "ops@example.com", "<Topic>")


# ---- when alarms fire ---------------------------------------------------------------------------------------------

COMPARISONS = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


def fires(name: str, **values: float):
    """Whether a period with these figures is one that the alarm counts; a figure left out was not reported."""
    alarm = alarms()[name]
    (expression,) = [part["Expression"] for part in alarm.get("Metrics", []) if "Expression" in part] or ["value"]
    known = {each: values.get(metric.name) for each, metric in metrics_of(alarm).items()}
    functions = {
        "IF": lambda condition, then, otherwise: then if condition else otherwise,
        "FILL": lambda value, otherwise: otherwise if value is None else value,
    }
    if None in [known[each] for each in known if not re.search(rf"FILL\({each},", expression)]:
        return alarm["TreatMissingData"] == "breaching"
    # CloudWatch's IF takes both branches, as any function does: a share of nothing must not be taken.
    lazily = re.sub(r"IF\((.+?), (.+), 0\)$", r"(\2) if (\1) else 0", expression)
    value = eval(lazily, {"__builtins__": {}}, known | functions)  # noqa: S307 - an expression of our own template
    return COMPARISONS[alarm["ComparisonOperator"]](value, float(alarm["Threshold"]))


@pytest.mark.parametrize(
    ("name", "well", "ill"),
    [
        ("failed-records", {"FailedRecords": 0}, {"FailedRecords": 1}),
        ("rejected-share", {"Lines": 1000, "Rejects": 10}, {"Lines": 1000, "Rejects": 11}),
        ("rejected-share", {"Lines": 1000}, {"Lines": 1, "Rejects": 1}),
        ("rejected-share", {"Lines": 0, "Rejects": 0}, {"Lines": 10, "Rejects": 10}),
        ("raised-invocations", {"Errors": 3}, {"Errors": 4}),
        ("batches-given-up", {}, {"StreamErrors": 1}),
        ("nothing-arriving", {"Records": 1}, {}),
        ("nothing-arriving", {"Records": 500}, {"Records": 0}),
        ("stream-throttled", {"ThrottledRecords": 0}, {"ThrottledRecords": 1}),
        ("function-throttled", {"Throttles": 0}, {"Throttles": 1}),
        ("slow-batches", {"Duration": 4_000}, {"Duration": 97_000}),
        ("api-throttled", {"Ec2Throttles": 0}, {"Ec2Throttles": 1}),
        ("api-throttled", {}, {"ApiThrottles": 1}),
        ("unresolved-share", {"Rows": 100, "UnresolvedSides": 40}, {"Rows": 100, "UnresolvedSides": 41}),
        ("unresolved-share", {"Rows": 100}, {"Rows": 1, "UnresolvedSides": 2}),
        ("snapshot-age", {"InventoryAgeSeconds": 90}, {"InventoryAgeSeconds": 601}),
        ("snapshot-age", {"InventoryAgeSeconds": 0}, {}),
        ("refresher-failing", {"Errors": 0, "RefreshFailures": 0}, {"Errors": 1}),
        ("refresher-failing", {}, {"Errors": 0, "RefreshFailures": 1}),
        ("compaction-behind", {"CompactionHoursBehind": 0}, {"CompactionHoursBehind": 1}),
        ("compaction-behind", {"CompactionHoursBehind": 0}, {}),
        ("compaction-failing", {"CompactionFailures": 0}, {"CompactionFailures": 1}),
        ("partitions-missing", {"PartitionsMissing": 0}, {"PartitionsMissing": 1}),
    ],
)
def test_alarm_tells_well_from_ill(name, well, ill):
    """A good period is good, a bad one is bad, and what was not reported is what the alarm says it is."""
    assert not fires(name, **well)
    assert fires(name, **ill)


def test_thresholds_are_what_the_operator_typed():
    """Share and minutes are parameters; the sum of the quiet periods stays within the day that CloudWatch allows."""
    chosen = alarms(UnresolvedPercent="35", QuietMinutes="90")
    assert chosen["unresolved-share"]["Threshold"] == "35"
    quiet = chosen["nothing-arriving"]
    assert (quiet["Period"], quiet["EvaluationPeriods"], quiet["DatapointsToAlarm"]) == (60, "90", "90")
    most = main_stack().template["Parameters"]["QuietMinutes"]["MaxValue"]
    assert most * quiet["Period"] <= 86_400


def test_snapshot_is_called_old_before_its_answers_are_marked_stale():
    """The alarm leaves the operator time until the hard TTL; slow batches until the function's timeout."""
    stack = main_stack()
    variables = stack.properties("TransformFunction")["Environment"]["Variables"]
    assert alarms()["snapshot-age"]["Threshold"] < float(variables["INVENTORY_HARD_TTL_S"])
    assert alarms()["slow-batches"]["Threshold"] == 0.8 * 1000 * stack.properties("TransformFunction")["Timeout"]
    assert alarms()["slow-batches"]["ExtendedStatistic"] == "p99"


# ---- the dashboard ------------------------------------------------------------------------------------------------


def names_shown(family: str):
    """What follows a family's name in the metrics shown."""
    return {metric.name.removeprefix(family) for metric in metrics_shown() if metric.name.startswith(family)}


def test_dashboard_shows_every_status_of_both_sides():
    """All statuses that an endpoint can have, for sources and destinations."""
    statuses = {
        endpoints.RESOLVED, endpoints.SUBNET, endpoints.AMBIGUOUS, endpoints.ABSENT, endpoints.STALE,
        endpoints.UNRESOLVED,
    }  # fmt: skip
    assert names_shown("Src_") == names_shown("Dst_") == statuses
    assert names_shown("Reporter_") == {"src", "dst", "hop", "none"}


def test_dashboard_shows_every_reason_for_a_reject():
    """The reasons are those that stand in payload.py and parse.py; a new one needs its line here."""
    code = "".join(
        (ROOT / "src" / "enricher" / f"{name}.py").read_text(encoding="utf-8") for name in ("payload", "parse")
    )
    given = re.findall(r'(?:Reject\(|\.reject\(|\.drop\(|return b"", |reason = ).*"([a-z_0-9]+)"', code)
    given += re.findall(r'reason = "([a-z_0-9]+)"', code)
    assert len(set(given)) >= 8
    assert names_shown("Rejects_") == set(given)


def test_dashboard_shows_what_the_issue_asks_for():
    """Records, rows, rejects, latency, inventory age, EC2 calls, compaction, and what drives the cost."""
    shown = {metric.name for metric in metrics_shown()}
    assert shown >= {
        "Records", "Lines", "Rows", "Rejects", "FailedRecords", "BatchSeconds", "InventoryAgeSeconds", "Ec2Calls",
        "ApiCalls", "CompactionHoursBehind", "HoursCompacted", "IncomingBytes", "BytesIn", "BytesWritten", "Duration",
    }  # fmt: skip
    assert "ProcessedBytes" in json.dumps(widgets())


@pytest.mark.parametrize(
    "chosen", [{}, {"InventoryKey": ""}, {"OutputMode": "json"}, {"InventoryKey": "", "OutputMode": "json"}]
)
def test_dashboard_shows_every_alarm_that_is_deployed(chosen):
    """In one strip on top; one that is not deployed would make the dashboard invalid."""
    (listed,) = [widget["properties"]["alarms"] for widget in widgets(**chosen) if widget["type"] == "alarm"]
    assert sorted(map(name_of, listed)) == sorted(alarms(**chosen))


def name_of(arn: str):
    """The end of the alarm's name whose ARN stands in the dashboard."""
    properties = monitoring().properties(arn.strip("<>").partition(".")[0])
    return properties["AlarmName"].removeprefix(f"{STACK}-")


def test_widgets_do_not_cover_each_other():
    """On a grid of 24 columns, each cell belongs to at most one widget."""
    cells = [
        (x, y)
        for widget in widgets()
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def test_lambda_cost_is_counted_with_the_memory_that_is_deployed():
    """GB-seconds: milliseconds times the function's own megabytes."""
    costs = [
        row[0]["expression"]
        for w in widgets()
        for row in w["properties"].get("metrics", [])
        if isinstance(row[0], dict)
    ]
    stack = main_stack()
    assert f"FILL(transform, 0) / 1000 * {stack.properties('TransformFunction')['MemorySize']} / 1024" in costs
    assert f"FILL(refresh, 0) / 1000 * {stack.properties('RefreshFunction')['MemorySize']} / 1024" in costs
