"""First-day checks: AWS is asked what docs/unverified.md only claims. Each says what it does before it does it.

Most read. Those that put an object, or let Athena put its answer, run only where the user has agreed.
"""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import Any, Final

from enricher.scan import TAGGED_SERVICES
from workbench.doctor.ask import Asker, TimeIsOverError, read_error
from workbench.doctor.probe_writes import WRITES
from workbench.doctor.probing import AS_CLAIMED, DIFFERS, NOT_DECIDED, Outcome, Probe, Probed, code_of
from workbench.doctor.report import Told
from workbench.doctor.snapshot import PROCESSING_FAILED, TRANSFORM, Function, Snapshot

_ANOTHER_ACCOUNT: Final = "000000000000"
_MOST_PAGES: Final = 5
_DEFAULT_TAG_PAGE: Final = 50
_FILTERS: Final = 201


@dataclass
class Prober:
    """Runs the probes over what was found.

    Args:
        asker: bounded, with a time of its own.
        snapshot: of the deployment.
        agrees: asked before something is written, with what would be done.
        say: is told what is done before it is done.
        token: names the probe's own objects; nobody else's.
    """

    asker: Asker
    snapshot: Snapshot
    agrees: Callable[[str], bool]
    say: Callable[[str], None]
    token: str
    sleep: Callable[[float], object] = field(default=lambda _: None)

    def run(self) -> Iterator[Told]:
        """Each probe's outcome, in their order."""
        given = Probed(self.asker, self.snapshot, self.token, self.sleep)
        for probe in (*READS, *WRITES):
            self.say(f"{probe.id}: {probe.does}")
            if probe.writes and not self.agrees(probe.does):
                yield _told(probe, (NOT_DECIDED, "it writes, and nobody agreed; --agree does"))
            else:
                yield _told(probe, _outcome(probe, given))


def _outcome(probe: Probe, given: Probed) -> Outcome:
    try:
        return probe.run(given)
    except TimeIsOverError:
        return NOT_DECIDED, "the time of a run is over"
    except Exception as error:  # noqa: BLE001 - whatever AWS answers, one probe does not end the others
        code, words = read_error(error)
        return NOT_DECIDED, f"{code}: {words[:120]}"


def _told(probe: Probe, outcome: Outcome) -> Told:
    return Told(probe.id, probe.claim, probe.does, *outcome)


def _expected_owner(given: Probed) -> Outcome:
    bucket = given.snapshot.target.bucket
    code = code_of(given, "s3", "head_bucket", Bucket=bucket, ExpectedBucketOwner=_ANOTHER_ACCOUNT)
    return (AS_CLAIMED, f"answered {code}") if code in ("403", "AccessDenied") else (DIFFERS, code or "was answered")


def _flow_log_pages(given: Probed) -> Outcome:
    code = code_of(given, "ec2", "describe_flow_logs", MaxResults=1000)
    return (AS_CLAIMED, "a page of 1000 was answered") if not code else (DIFFERS, f"answered {code}")


def _filter_values(given: Probed) -> Outcome:
    values = [f"10.{number // 256}.{number % 256}.1" for number in range(_FILTERS)]
    filters = [{"Name": "addresses.private-ip-address", "Values": values}]
    code = code_of(given, "ec2", "describe_network_interfaces", Filters=filters)
    return (AS_CLAIMED if code == "FilterLimitExceeded" else DIFFERS, f"{_FILTERS} values: {code or 'answered'}")


def _spoiled_token(given: Probed) -> Outcome:
    code = code_of(given, "ec2", "describe_network_interfaces", MaxResults=5, NextToken="spoiled")
    return (AS_CLAIMED if code == "InvalidNextToken" else DIFFERS, f"a spoiled token: {code or 'answered'}")


def _interfaces(given: Probed, **parameters: Any) -> tuple[list[dict[str, Any]], bool]:
    """The first pages' interfaces, and whether these are all."""
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    for _ in range(_MOST_PAGES):
        page = given.asker.call("ec2", "describe_network_interfaces", MaxResults=1000, **parameters, **more)
        found += page["NetworkInterfaces"]
        if not page.get("NextToken"):
            return found, True
        more = {"NextToken": page["NextToken"]}
    return found, False


def _managed(given: Probed) -> Outcome:
    without, is_whole = _interfaces(given)
    everything, _ = _interfaces(given, IncludeManagedResources=True)
    seen = f"{len(without)} interfaces without it, {len(everything)} with it"
    if len(everything) > len(without):
        return AS_CLAIMED, seen
    return NOT_DECIDED, f"{seen}: " + ("no service hides one here" if is_whole else "there are more than were counted")


def _ipv6_spelling(given: Probed) -> Outcome:
    found, _ = _interfaces(given)
    addresses = [told["Ipv6Address"] for each in found for told in each.get("Ipv6Addresses") or ()]
    if not addresses:
        return NOT_DECIDED, "no interface here has an IPv6 address"
    spelled = IPv6Address(addresses[0]).exploded.upper()
    counts = []
    for value in (IPv6Address(addresses[0]).compressed, spelled):
        filters = [{"Name": "ipv6-addresses.ipv6-address", "Values": [value]}]
        answer = given.asker.call("ec2", "describe_network_interfaces", Filters=filters)
        counts.append(len(answer["NetworkInterfaces"]))
    seen = f"compressed: {counts[0]} found, written out in capitals: {counts[1]}"
    return (AS_CLAIMED if counts[0] and not counts[1] else DIFFERS), seen


def _tag_page(given: Probed) -> Outcome:
    answer = given.asker.call("resourcegroupstaggingapi", "get_resources")
    number, is_last = len(answer["ResourceTagMappingList"]), not answer.get("PaginationToken")
    if number > _DEFAULT_TAG_PAGE or (number < _DEFAULT_TAG_PAGE and not is_last):
        return DIFFERS, f"a page has {number}"
    return (NOT_DECIDED if is_last else AS_CLAIMED), f"{number} resources on the first page"


def _tagged_services(given: Probed) -> Outcome:
    refused = {
        service: code
        for service in TAGGED_SERVICES
        if (
            code := code_of(
                given, "resourcegroupstaggingapi", "get_resources", ResourceTypeFilters=[service], ResourcesPerPage=1
            )
        )
    }
    if refused:
        return DIFFERS, "; ".join(f"{service}: {code}" for service, code in refused.items())
    return AS_CLAIMED, f"{', '.join(TAGGED_SERVICES)} were taken"


def _concurrency(given: Probed) -> Outcome:
    variables = given.snapshot.functions.get(TRANSFORM, Function()).variables or {}
    environments = variables.get("EC2_ENVIRONMENTS", "1000")
    limit = given.asker.call("lambda", "get_account_settings")["AccountLimit"]["ConcurrentExecutions"]
    seen = f"the account's limit is {limit}, EC2_ENVIRONMENTS {environments}"
    return (AS_CLAIMED if limit <= float(environments) else DIFFERS), seen


def _error_object(given: Probed) -> Outcome:
    bucket = given.snapshot.target.bucket
    listed = given.asker.call("s3", "list_objects_v2", Bucket=bucket, Prefix=PROCESSING_FAILED, MaxKeys=10)
    keys = [told["Key"] for told in listed.get("Contents") or () if told["Size"]]
    if not keys:
        return NOT_DECIDED, f"nothing lies below {PROCESSING_FAILED}"
    body = given.asker.call("s3", "get_object", Bucket=bucket, Key=keys[0])["Body"].read()
    is_gzip = body[:2] == b"\x1f\x8b"
    line = (gzip.decompress(body) if is_gzip else body).split(b"\n", 1)[0]
    spelled = [
        name for name in ("lambdaArn", "lambdaARN", "errorCode", "ErrorCode", "lastErrorCode") if name.encode() in line
    ]
    wanted = given.snapshot.stream.destination.get("CompressionFormat") == "GZIP"
    seen = f"members {', '.join(spelled) or 'of other names'}; {'gzip' if is_gzip else 'not gzip'}"
    return (AS_CLAIMED if spelled and is_gzip == wanted else DIFFERS), seen


def _stream_log(given: Probed) -> Outcome:
    options = given.snapshot.stream.destination.get("CloudWatchLoggingOptions", {})
    group = options.get("LogGroupName")
    if not group:
        return NOT_DECIDED, "the stream has no log group"
    events = given.asker.call("logs", "filter_log_events", logGroupName=group, limit=100)["events"]
    others = [event["message"] for event in events if "error" not in event["message"].lower()]
    if others:
        return DIFFERS, f"{len(others)} of {len(events)} lines tell no error: {others[0][:100]}"
    return (AS_CLAIMED if events else NOT_DECIDED), f"{len(events)} lines in {group}"


READS: Final = (
    Probe(
        "expected-owner",
        "With `ExpectedBucketOwner` of another account S3 answers 403 before it reads or writes anything",
        f"asks for the lake's bucket as one of account {_ANOTHER_ACCOUNT} (HeadBucket)",
        _expected_owner,
    ),
    Probe(
        "flow-log-pages",
        "DescribeFlowLogs takes MaxResults up to 1000",
        "reads one page of flow logs (DescribeFlowLogs)",
        _flow_log_pages,
    ),
    Probe(
        "filter-values",
        "More than 200 filter values: error code `FilterLimitExceeded`",
        "asks for 201 addresses at once (DescribeNetworkInterfaces)",
        _filter_values,
    ),
    Probe(
        "page-token",
        "Page tokens are opaque and may be followed under a filter; an invalid one is `InvalidNextToken`",
        "asks for the page behind a token that is none (DescribeNetworkInterfaces)",
        _spoiled_token,
    ),
    Probe(
        "managed-interfaces",
        "`IncludeManagedResources` is false by default and hides interfaces that services manage",
        "counts interfaces twice, up to 5,000 each (DescribeNetworkInterfaces)",
        _managed,
    ),
    Probe(
        "ipv6-spelling",
        "IPv6 filters match the compressed, lower-case spelling only",
        "looks for one IPv6 address of an interface, spelled in two ways (DescribeNetworkInterfaces)",
        _ipv6_spelling,
    ),
    Probe(
        "tag-page",
        "`GetResources` answers 50 resources a page unless asked",
        "reads one page of tagged resources (GetResources)",
        _tag_page,
    ),
    Probe(
        "tagged-services",
        "GetResources takes a service alone as a resource type (`eks`), for every service asked",
        f"reads one resource of each of {len(TAGGED_SERVICES)} services (GetResources)",
        _tagged_services,
    ),
    Probe(
        "concurrency",
        "Environments at a time stay below the account's concurrency limit (1,000 unless raised)",
        "reads the account's Lambda limits (GetAccountSettings)",
        _concurrency,
    ),
    Probe(
        "error-object",
        "Error objects spell `lambdaArn` or `lambdaARN`, `errorCode` or `ErrorCode`",
        f"reads one object below {PROCESSING_FAILED}, if there is one (GetObject)",
        _error_object,
    ),
    Probe(
        "stream-log",
        "A stream writes nothing but errors to its log group",
        "reads up to 100 lines of the stream's log (FilterLogEvents)",
        _stream_log,
    ),
)
