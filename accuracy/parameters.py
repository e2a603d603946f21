"""What is simulated: the parameters that issue 3 fixes, and those chosen here, hashed so that a figure names its world.

Times are seconds. The simulated clock begins at ``EPOCH`` (Unix seconds); all of the world happens at whole seconds.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Final

EPOCH: Final = 1_760_000_400


@dataclass(frozen=True, slots=True)
class Parameters:
    """One world, its refresher, its traffic and its delivery."""

    seed: int = 20_261
    # Estate
    interfaces: int = 50_000
    vpc_shares: tuple[float, ...] = (0.16, 0.14, 0.05, 0.15, 0.14, 0.13, 0.12, 0.11)  # the third: known through IPAM
    least_life_s: int = 120
    most_life_s: int = 30 * 86_400
    instance_median_life_s: int = 7_200
    task_median_life_s: int = 2_400
    life_sigma: float = 1.8
    task_share: float = 0.15
    mover_share: float = 0.03  # secondary interfaces, moved from instance to instance
    mover_median_stay_s: int = 1_800
    reused_within_minute: float = 0.10
    reused_within_hour: float = 0.10
    secondary_share: float = 0.10
    prefix_share: float = 0.10
    public_share: float = 0.05
    hold_median_s: int = 3_600  # of a secondary address, prefix or Elastic IP by one interface
    failover_share: float = 0.10  # of those: taken over by another interface within 10 s
    silent_share: float = 0.05  # interfaces without a flow log
    # Refresher
    scan_every_s: int = 60
    page_rows: int = 1_000
    page_s: float = 0.35  # one page after the other, each at its own moment
    failed_share: float = 0.01  # of scans, for each part
    outage_from_s: int = 3_600
    outage_s: int = 600
    publish_s: float = 2.0  # from a scan's end to its snapshot's being there
    ipam_lag_s: tuple[int, int] = (60, 1_100)  # how old what IPAM shows of an interface is
    keep_s: float = 4 * 3_600
    max_gap_s: float = 180
    # Traffic
    flows_from_s: int = 420
    flow_minutes: int = 113
    conversations_a_minute: int = 4_700
    churn_emphasis: float = 0.05  # of conversations: with somebody who came or goes within five minutes
    straddles: int = 2  # flows across each handover of an address within a minute
    aggregation_s: int = 60
    delay_s: tuple[int, int] = (60, 900)
    # Environment
    batch_every_s: int = 30
    soft_ttl_s: float = 60
    hard_ttl_s: float = 900
    call_budget: int = 20
    deadline_s: float = 20
    second_look_after_s: int = 1_500  # from the last flow to the snapshot of the second look
    samples: int = 400  # interfaces of a scan that are built from documents too, and compared

    @property
    def flows_until_s(self) -> int:
        """End of the last window of traffic."""
        return self.flows_from_s + self.flow_minutes * self.aggregation_s

    @property
    def horizon_s(self) -> int:
        """End of the world."""
        return self.flows_until_s + self.second_look_after_s + 120

    def listed(self) -> list[tuple[str, object]]:
        """Every parameter and its value."""
        return list(asdict(self).items())

    @property
    def digest(self) -> str:
        """A short name of these parameters."""
        return hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()[:12]


FULL: Final = Parameters()
SMALL: Final = Parameters(
    interfaces=1_500,
    instance_median_life_s=1_800,
    task_median_life_s=900,
    mover_share=0.06,
    mover_median_stay_s=300,
    hold_median_s=900,
    outage_from_s=900,
    flow_minutes=28,
    conversations_a_minute=110,
    second_look_after_s=1_260,
    scan_every_s=60,
    page_rows=50,
    samples=100,
)
