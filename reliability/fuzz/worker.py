"""A process that fuzzes: batches drawn from a seed, each from a seed of its own, so that one can be had again.

python -m reliability.fuzz.worker SEED RECORDS          until so many records; a tally as JSON
python -m reliability.fuzz.worker SEED 0 --batch NUMBER one batch again; its findings
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from reliability.fuzz.function import REGION, STREAM, Function
from reliability.fuzz.judge import Judge
from reliability.fuzz.lines import INVENTED, VERSIONS, LineMaker
from reliability.fuzz.records import Record, RecordMaker
from reliability.hostile import hostile_words

# Records of a batch; in JSON mode no more than always fit an answer.
_SIZES: Final = {"parquet": (0, 1, 30, 300, 900, 1500), "json": (0, 1, 30, 300, 300, 400)}
_FIRST_MS: Final = 1_794_996_300_000  # 2026-11-18 10:05:00 UTC
_HOUR_MS: Final = 3_600_000
_MOST_FINDINGS: Final = 5


class Fuzzer:
    """Streams of every format and mode, made once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        rng = Random(seed)
        streams = {name: {name: tuple(fields.split())} for name, fields in VERSIONS.items()}
        for name in ("v5", "v11", "tgw"):
            fields = VERSIONS[name].split()
            rng.shuffle(fields)
            streams[f"{name}, order of its own"] = {name: tuple(fields)}
        fields = [*(field for field in VERSIONS["v5"].split() if field != "log-status"), *INVENTED]
        rng.shuffle(fields)
        streams["fields unknown to us"] = {"without status": tuple(fields)}
        streams["several formats"] = {name: tuple(VERSIONS[name].split()) for name in ("v2", "v5", "v11")}
        self._streams = [
            (f"format: {name}", mode, RecordMaker(LineMaker(formats)), Function(_log_format(formats), mode))
            for name, formats in streams.items()
            for mode in _SIZES
        ]
        self.kinds: Counter[str] = Counter()
        self.sums: Counter[str] = Counter()
        self.findings: list[str] = []

    def batch(self, number: int) -> int:
        """One batch, drawn, run and judged; the number of its records."""
        rng = Random(f"{self._seed}/{number}")
        name, mode, maker, function = self._streams[number % len(self._streams)]
        size = rng.choice(_SIZES[mode])
        makers = rng.choice(((maker.any,), (maker.any,), (maker.any,), (maker.message,), (maker.message_with_newline,)))
        records = [rng.choice(makers)(rng) for _ in range(size)]
        arrived = [_FIRST_MS + place for place in rng.sample(range(-_HOUR_MS // 20, _HOUR_MS // 20), size)]
        event, odd = _event(rng, records, arrived, number)
        self.sums["batches"] += 1
        self.sums["records"] += size
        self.sums["lines"] += sum(len(record.rows) + len(record.rejects) for record in records)
        for record, extra in zip(records, odd, strict=True):
            self.kinds.update({*record.kinds, *extra, name, f"mode: {mode}"})
        try:
            found = self._judged(function, event, records, arrived, mode)
            if rng.random() < 0.1:  # noqa: PLR2004 - one batch in ten comes again
                self.sums["batches retried"] += 1
                found += self._judged(function, event | {"invocationId": "again"}, records, arrived, mode)
        except Exception as error:  # noqa: BLE001 - that there is none is what is looked for
            found = [("unhandled", f"{type(error).__name__}: {error}")]
        for what, description in found:
            self.sums[what] += 1
            if len(self.findings) < _MOST_FINDINGS:
                self.findings.append(f"{what} (seed {self._seed}, batch {number}, {name}, {mode}): {description}")
        return size

    def _judged(
        self, function: Function, event: dict[str, Any], records: list[Record], arrived: list[int], mode: str
    ) -> list[tuple[str, str]]:
        # What the Lambda gets has been text.
        told = function.invoke(json.loads(json.dumps(event)))
        self.sums["rows"] += sum(len(record.rows) for record in records)
        return Judge(event, records, arrived, told).look(mode)


def _event(
    rng: Random, records: list[Record], arrived: list[int], number: int
) -> tuple[dict[str, Any], list[set[str]]]:
    """The event, and the classes of what is odd about the envelope of each record."""
    told: list[dict[str, Any]] = []
    odd: list[set[str]] = []
    for place, (record, moment) in enumerate(zip(records, arrived, strict=True)):
        entry: dict[str, Any] = {
            "recordId": f"{number:028d}{place:028d}",
            "approximateArrivalTimestamp": moment,
            "data": record.data,
        }
        kinds = set()
        draw = rng.random()
        if draw < 0.01 and told:  # noqa: PLR2004 - shares of odd envelopes
            entry["recordId"] = told[-1]["recordId"]
            kinds.add("envelope: duplicate record id")
        elif draw < 0.02:  # noqa: PLR2004 - same
            entry["recordId"] = rng.choice(hostile_words())
            kinds.add("envelope: hostile record id")
        elif draw < 0.03:  # noqa: PLR2004 - same
            del entry["approximateArrivalTimestamp"]
            entry["kinesisRecordMetadata"] = {"approximateArrivalTimestamp": moment, "shardId": "shardId-0"}
            kinds.add("envelope: arrival in Kinesis metadata")
        elif draw < 0.04:  # noqa: PLR2004 - same
            entry["approximateArrivalTimestamp"] = float(moment)
            kinds.add("envelope: arrival as a float")
        told.append(entry)
        odd.append(kinds)
    event = {"invocationId": str(number), "deliveryStreamArn": STREAM, "region": REGION, "records": told}
    return event, odd


def _log_format(formats: dict[str, tuple[str, ...]]) -> str:
    return ";".join(" ".join(f"${{{field}}}" for field in fields) for fields in formats.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz; 0 whatever is found: the tally tells."""
    parser = argparse.ArgumentParser(prog="python -m reliability.fuzz.worker")
    parser.add_argument("seed", type=int)
    parser.add_argument("records", type=int)
    parser.add_argument("--batch", type=int)
    options = parser.parse_args(arguments)
    fuzzer = Fuzzer(options.seed)
    number = 0
    if options.batch is not None:
        fuzzer.batch(options.batch)
    while fuzzer.sums["records"] < options.records:
        fuzzer.batch(number)
        number += 1
    print(json.dumps({"sums": fuzzer.sums, "kinds": fuzzer.kinds, "findings": fuzzer.findings}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
