"""One stack in the stand-in cloud, from the first scan to the last deletion, stage by stage.

Each stage begins with what the stages before it left in the bucket and the catalog, so a stage can be run again and
again from a saved state. Times: the flows' hour ended three hours ago; S3's clock is the machine's.
"""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from moto.glue.models import glue_backends
from moto.s3.models import s3_backends

from enricher.lake import FLOW_LOGS, Partition
from reliability.oracle.clients import PATIENT_SECONDS, Clients
from reliability.oracle.judge import Expected, Reading
from reliability.oracle.producer import (
    ACCOUNT,
    BACK,
    EXTERNAL_ID,
    FRONT,
    MEMBER,
    MEMBER_ROLE,
    NEW,
    REGION,
    SHARED,
    STREAM_NAME,
    Flow,
    documents,
    member_documents,
)
from reliability.oracle.service import BUCKET, DATABASE, HOUR_S, WORK_GROUP, Service
from reliability.oracle.states import State
from reliability.oracle.wire import BYSTANDER, Wire
from workbench.cloud import LocalCloud
from workbench.envelopes import bare_record, message_record, message_records
from workbench.firehose import DeliveryStream, S3Store, SimulatedClock, stream_settings

FIRST_REFRESH, STREAM, SECOND_REFRESH, REPLAY = "first-refresh", "stream", "second-refresh", "replay"
COMPACTION, FRESH, SECOND_COMPACTION, TIDYING = "compaction", "fresh", "second-compaction", "tidying"
Step = Callable[[], bool]
STAGES: Final = (FIRST_REFRESH, STREAM, SECOND_REFRESH, REPLAY, COMPACTION, FRESH, SECOND_COMPACTION, TIDYING)
FAULTLESS: Final = frozenset({FRESH})  # it shows that all goes on, whatever was
HOURLY: Final = "flows_hourly"
BAD_LINE, HOPELESS = "5 a line that cannot be read", "a record without a single line that can be read"
_DAYS: Final = 10 * 86_400
_NEW_SINCE, _FLOWS_START, _ARRIVAL = 300, 600, 720  # seconds into the flows' hour
_FRESH_S: Final = 2 * HOUR_S + 60  # from now
_SECOND_BATCH: Final = 1000  # its records' ids, however often the first was tried: a batch's key follows from them
_SENT_FIRST, _SENT_FRESH, _SENT_LATE = range(7), (7, 8), (9,)
_SETTINGS: Final = {
    "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/delivery",
    "BucketARN": f"arn:aws:s3:::{BUCKET}",
    "Prefix": "delivered/",
    "ErrorOutputPrefix": "!{firehose:error-output-type}/day=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/",
    "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
    "ProcessingConfiguration": {
        "Enabled": True,
        "Processors": [
            {
                "Type": "Lambda",
                "Parameters": [
                    {
                        "ParameterName": "LambdaArn",
                        "ParameterValue": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:enrich",
                    },
                    {"ParameterName": "BufferSizeInMBs", "ParameterValue": "2"},
                    {"ParameterName": "BufferIntervalInSeconds", "ParameterValue": "60"},
                    {"ParameterName": "NumberOfRetries", "ParameterValue": "3"},
                ],
            }
        ],
    },
}


@dataclass
class Ids:
    """Ids of a stage's stream, in order; ``number``: of the next one."""

    stage: str
    number: int = 0

    def __call__(self) -> str:
        """A fresh one."""
        self.number += 1
        return f"id-{self.stage}-{self.number:08d}"


class World:
    """The cloud with its wire, the service in it, and time. Use it as a context manager.

    ``skews``: stage → seconds by which the clock of who runs there is wrong. ``service``: who runs.
    """

    def __init__(self, now: float | None = None) -> None:
        self.wire = Wire()
        self.now = time.time() if now is None else now
        self.hour = self.now // HOUR_S * HOUR_S - 4 * HOUR_S
        self.skews: dict[str, float] = {}
        self.flows = self._flows()
        self.lost = 0
        self._machines = {FRONT: self.hour - _DAYS, BACK: self.hour - _DAYS}
        self._cloud = LocalCloud(documents(self._machines), region=REGION, around=self.wire.around)
        self._cloud.replace_inventory(member_documents({SHARED: self.hour - _DAYS}), account_id=MEMBER)
        self._cloud.allow_roles({MEMBER_ROLE: EXTERNAL_ID})

    def __enter__(self) -> Self:
        self._cloud.__enter__()
        self._own = Clients(self.endpoint, PATIENT_SECONDS, BYSTANDER)
        self.clients = Clients(self.endpoint)
        self.patient = Clients(self.endpoint, PATIENT_SECONDS)
        self.service: Service = Service(self._own)
        self._make_stack()
        self.begin()
        # What is loaded at first use takes longer than impatient clients wait.
        for stage in (FIRST_REFRESH, STREAM, REPLAY):
            self.run(stage)
        self._own("cloudwatch").list_metrics()
        self.service = Service(self.clients)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clients.close()
        self.patient.close()
        self._own.close()
        self._cloud.__exit__(kind, error, trace)

    @property
    def endpoint(self) -> str:
        """Of the cloud."""
        return self._cloud.endpoint

    def begin(self, state: State | None = None) -> None:
        """An empty stack, or one with a saved state; nothing planted, no call counted."""
        self._cloud.reset_calls()
        self.wire.forget()
        self.clients.begin()
        self.patient.begin()
        self.service.said.clear()
        self.lost = 0
        self.put(State({}, {}) if state is None else state)

    def run(self, stage: str) -> bool:
        """Run a stage; whether whoever ran said that all went well. The stream says nothing: it tries four times."""
        at = self.hour + self.skews.get(stage, 0)
        now = self.now + self.skews.get(stage, 0)
        newer = {} if stage == FIRST_REFRESH else {NEW: self.hour + _NEW_SINCE}
        self._cloud.replace_inventory(documents(self._machines | newer))
        steps: dict[str, Step] = {
            FIRST_REFRESH: lambda: self.service.refresh(at - 60),
            STREAM: lambda: self._stream(self.hour + _ARRIVAL),
            SECOND_REFRESH: lambda: self.service.refresh(now + 2 * HOUR_S),
            REPLAY: self.service.replay,
            COMPACTION: lambda: self.service.compact(now + 3 * HOUR_S),
            FRESH: self._fresh,
            SECOND_COMPACTION: lambda: self.service.compact(now + 30 * HOUR_S),
            TIDYING: lambda: self.service.compact(now + 56 * HOUR_S),
        }
        rival = self.rival()
        rivals: dict[str, Step] = {
            FIRST_REFRESH: lambda: rival.refresh(at - 60),
            SECOND_REFRESH: lambda: rival.refresh(now + 2 * HOUR_S),
            REPLAY: rival.replay,
            COMPACTION: lambda: rival.compact(now + 3 * HOUR_S),
            SECOND_COMPACTION: lambda: rival.compact(now + 30 * HOUR_S),
            TIDYING: lambda: rival.compact(now + 56 * HOUR_S),
        }
        self.wire.rival = rivals.get(stage)
        if stage in (STREAM, FRESH):
            return steps[stage]()  # Firehose itself calls, too: of these stages the function alone acts
        with self.wire.acting(stage):
            return steps[stage]()

    def rival(self) -> Service:
        """Another process with the same work, whose calls are nobody's case."""
        return Service(self._own)

    def save(self) -> State:
        """What bucket and catalog hold now."""
        partitions = {
            (table, tuple(told["Values"])): (told["StorageDescriptor"]["Location"], told.get("Parameters") or {})
            for table in (FLOW_LOGS, HOURLY)
            for told in self._partitions(table)
        }
        return State(self.objects(), partitions)

    def put(self, state: State) -> None:
        """Make bucket and catalog hold this, and nothing else."""
        s3_backends[ACCOUNT]["aws"].buckets[BUCKET].keys.clear()
        for table in (FLOW_LOGS, HOURLY):
            glue_backends[ACCOUNT][REGION].databases[DATABASE].tables[table].partitions.clear()
        for key, body in state.objects.items():
            s3_backends[ACCOUNT]["aws"].put_object(BUCKET, key, body)
        for (table, values), (location, parameters) in state.partitions.items():
            told = {"Values": list(values), "StorageDescriptor": {"Location": location}, "Parameters": parameters}
            glue_backends[ACCOUNT][REGION].create_partition(DATABASE, table, told)

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """The bucket's objects."""
        keys = s3_backends[ACCOUNT]["aws"].buckets[BUCKET].keys
        return {key: bytes(keys[key].value) for key in sorted(keys) if key.startswith(prefix)}

    def reading(self) -> Reading:
        """What a reader of the lake finds now: the catalog's places of flow_logs, and all objects there."""
        objects = self.objects("flow_logs")
        hours = {}
        for told in self._partitions(FLOW_LOGS):
            _, day, hour = told["Values"]
            place = told["StorageDescriptor"]["Location"].removeprefix(f"s3://{BUCKET}/").rstrip("/") + "/"
            hours[f"{day}/{hour}"] = [body for key, body in objects.items() if key.startswith(place)]
        return Reading({hour: bodies for hour, bodies in hours.items() if bodies})

    def asked(self, service: str, operation: str) -> list[str]:
        """The statements of the calls of an operation that took effect, in order."""
        calls = (call for call in self._cloud.calls if (call.service, call.operation) == (service, operation))
        return [str(call.params.get("QueryString")) for call in calls]

    def rejected(self) -> set[str]:
        """The lines that are kept as rejects."""
        bodies = self.objects("rejected/").values()
        told = [json.loads(line) for body in bodies for line in body.splitlines()]
        return {base64.b64decode(one["rawData"]).decode() for one in told}

    def kept(self) -> frozenset[int]:
        """The flows whose delivery records are kept raw, to be replayed."""
        bodies = self.objects("processing-failed/").values()
        raw = [base64.b64decode(json.loads(line)["rawData"]) for body in bodies for line in body.splitlines()]
        return frozenset(n for n, one in self.flows.items() if any(one.flow.line.encode() in told for told in raw))

    def sent(self, stage: str) -> dict[int, Expected]:
        """What has been sent by the end of a stage, and arrived at the lake by then if all went well."""
        done = STAGES.index(stage)
        numbers = [*_SENT_FIRST] if done >= STAGES.index(STREAM) else []
        numbers += [*_SENT_FRESH, *_SENT_LATE] if done >= STAGES.index(FRESH) else []
        return {number: self.flows[number] for number in numbers}

    def _make_stack(self) -> None:
        """What no stage makes, and none changes."""
        glue = self._own("glue")
        self._own("s3").create_bucket(Bucket=BUCKET)
        glue.create_database(DatabaseInput={"Name": DATABASE})
        keys = [{"Name": name, "Type": "string"} for name in ("aws_region", "day", "hour")]
        for table in (FLOW_LOGS, HOURLY):
            storage = {"Location": f"s3://{BUCKET}/{table}/", "Columns": [{"Name": "version", "Type": "int"}]}
            told = {"Name": table, "StorageDescriptor": storage, "PartitionKeys": keys}
            glue.create_table(DatabaseName=DATABASE, TableInput=told)
        self._own("athena").create_work_group(Name=WORK_GROUP)

    def _flows(self) -> dict[int, Expected]:
        pairs = ((FRONT, BACK), (BACK, FRONT), (FRONT, NEW), (NEW, BACK), (FRONT, SHARED))
        then = Partition.at(REGION, round((self.hour + _ARRIVAL) * 1000))
        fresh = Partition.at(REGION, round((self.now + _FRESH_S) * 1000))
        found = {}
        for number in (*_SENT_FIRST, *_SENT_FRESH, *_SENT_LATE):
            hour, start = (then, self.hour + _FLOWS_START)
            if number in _SENT_FRESH:
                hour, start = fresh, self.now + _FRESH_S - 120
            flow = Flow(number, *pairs[number % len(pairs)], int(start) + number)
            found[number] = Expected(flow, f"{hour.day}/{hour.hour}")
        return found

    def _line(self, number: int) -> str:
        return self.flows[number].flow.line

    def _stream(self, at: float) -> bool:
        """A batch of every kind, and one that is written while nobody hears of it: four attempts, then given up."""
        line = self._line
        ids = Ids(STREAM)
        stream = self._delivery_stream(ids, at)
        stream.put_record_batch([
            message_record(line(0)),
            message_records([line(1), line(2)]),
            bare_record([line(3), BAD_LINE]),
            message_record(HOPELESS),
            message_record(line(4)),
        ])  # fmt: skip
        stream.drain()
        ids.number = _SECOND_BATCH
        with self.wire.losing_answers():
            # The first is delivered a second time, in another batch: Firehose promises "at least once".
            stream.put_record_batch([message_record(line(5)), message_record(line(6)), message_record(line(0))])
            stream.drain()
        return self._is_ended(stream)

    def _fresh(self) -> bool:
        """New flows an hour on, and a late copy of an old record beside a new one: replayed once more."""
        stream = self._delivery_stream(Ids(FRESH), self.now + _FRESH_S)
        stream.put_record_batch([message_record(self._line(number)) for number in _SENT_FRESH])
        stream.drain()
        late = "".join(
            json.dumps({
                "rawData": base64.b64encode(message_record(self._line(number))).decode(),
                "errorCode": "Lambda.FunctionError",
                "errorMessage": "-",
                "attemptsMade": 4,
                "arrivalTimestamp": round((self.hour + _ARRIVAL) * 1000),
                "lambdaARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:enrich",
            }) + "\n"
            for number in (1, *_SENT_LATE)
        )  # fmt: skip
        self._own("s3").put_object(Bucket=BUCKET, Key="processing-failed/late", Body=late.encode())
        return self._is_ended(stream) and self.service.replay()

    def _delivery_stream(self, ids: "Ids", at: float) -> DeliveryStream:
        """A stream that begins at a time, with a cold function. Its ids are its own: equal records, other batches."""
        function = self.service.function(at + self.skews.get(ids.stage, 0))

        rival = self.rival()

        def invoke(event: dict[str, Any]) -> object:
            self.wire.rival = lambda: rival.function(at)(event)
            with self.wire.acting(ids.stage):
                return function(event)

        return DeliveryStream(
            stream_settings(STREAM_NAME, ACCOUNT, REGION, _SETTINGS),
            invoke,
            S3Store(self._own("s3"), BUCKET),
            SimulatedClock(round(at * 1000)),
            ids,
        )

    def _is_ended(self, stream: DeliveryStream) -> bool:
        records = stream.counters.records
        self.lost += records.lost + records.pending + records.delivered
        return True

    def _partitions(self, table: str) -> list[dict[str, Any]]:
        found = glue_backends[ACCOUNT][REGION].databases[DATABASE].tables[table].partitions
        return [partition.as_dict() for partition in found.values()]
