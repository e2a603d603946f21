"""What a delivery stream counts: CloudWatch's metrics, and where each record ended."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Statistics:
    """Two of CloudWatch's statistics of a metric: how many samples, and their sum."""

    sample_count: int = 0
    sum: float = 0

    @property
    def average(self) -> float:
        """Sum divided by sample count: for ``….Success`` metrics, the share that succeeded.

        Raises:
            ZeroDivisionError: there is no sample (CloudWatch shows no data then).
        """
        return self.sum / self.sample_count


@dataclass(slots=True)
class Metrics:
    """The metrics of one delivery stream by AWS's names, since it was made.

    https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
    """

    _statistics: dict[str, Statistics] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Take one sample."""
        before = self[name]
        self._statistics[name] = Statistics(before.sample_count + 1, before.sum + value)

    def __getitem__(self, name: str) -> Statistics:
        return self._statistics.get(name, Statistics())

    def names(self) -> list[str]:
        """The metrics that have samples, sorted."""
        return sorted(self._statistics)


@dataclass(slots=True)
class RecordCounts:
    """Where the delivery records of one stream ended; ``pending`` ones are still on their way.

    ``delivered`` and ``failed`` count once the object that holds the record (or its error object) is in the store.
    ``lost`` are those whose object could not be written for 24 hours.
    """

    put: int = 0
    delivered: int = 0
    dropped: int = 0
    failed: int = 0
    lost: int = 0

    @property
    def pending(self) -> int:
        """Records accepted and not ended yet."""
        return self.put - self.delivered - self.dropped - self.failed - self.lost


@dataclass(frozen=True, slots=True)
class Counters:
    """Everything that one delivery stream counts."""

    metrics: Metrics = field(default_factory=Metrics)
    records: RecordCounts = field(default_factory=RecordCounts)
