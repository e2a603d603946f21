"""Traffic over the estate: the lines that AWS would deliver, when they arrive, and the truth behind each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from enricher.schema import FIELDS_OF_VERSION
from workbench.estate.arrays import take
from workbench.estate.connections import Draw
from workbench.estate.delivery import Period, arrivals, write_down
from workbench.estate.estate import Estate
from workbench.estate.flows import draw_timing, make_flows
from workbench.estate.kinds import draw_connections
from workbench.estate.lines import check_fields, write_lines
from workbench.estate.population import populate
from workbench.estate.records import write_records
from workbench.estate.truth import line_table, truth_table

DEFAULT_FIELDS: Final = FIELDS_OF_VERSION[5]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Lines in the order of their delivery, and what they mean.

    ``times`` are arrivals in Unix milliseconds, one a line, ascending. ``truth`` is a ``pa.Table`` with one row a true
    flow-window (columns: ``truth.truth_table``), ``line_truth`` one with a row a line (``truth.line_table``).
    ``digest`` names the distributions.
    """

    fields: tuple[str, ...]
    lines: list[str]
    times: list[int]
    truth: Any
    line_truth: Any
    digest: str

    @property
    def header(self) -> str:
        """The header line of a delivered file."""
        return " ".join(self.fields)

    @property
    def log_format(self) -> str:
        """The log format as CreateFlowLogs takes it."""
        return " ".join(f"${{{field}}}" for field in self.fields)


def generate_traffic(
    estate: Estate,
    seed: int,
    start: int,
    seconds: int,
    flows: int,
    log_format_fields: Sequence[str] = DEFAULT_FIELDS,
) -> Traffic:
    """Traffic of ``flows`` connections between ``start`` (Unix seconds) and ``start + seconds``.

    Each connection is a flow of its client and, unless rejected, a flow of its server's answers; both are cut into
    windows of 60 seconds, and every recording interface on the way writes a line for each. NODATA and SKIPDATA rows
    come on top: a SKIPDATA row here stands for no loss, so that totals still equal the truth.

    Raises:
        LogFormatError: the fields are no VPC flow log format.
        SettingsError: the estate is too small for a kind of connection, or for so many connections.
        ValueError: ``seconds`` or ``flows`` is not positive.
    """
    check_fields(log_format_fields)
    if seconds < 1 or flows < 1:
        raise ValueError(f"traffic: {flows} flows in {seconds} seconds; both must be at least 1")
    rng = np.random.default_rng([seed, estate.seed, int(estate.distributions.digest(), 16)])
    period = Period(start, seconds)
    people = populate(estate, rng)
    connections = draw_connections(Draw(people, rng), flows)
    timing = draw_timing(estate.distributions, connections, seconds, rng)
    true_flows = make_flows(people, connections, timing, start, rng)
    records = write_records(people, true_flows)
    written = write_down(people, true_flows, records, period, rng)
    arrival = arrivals(people, written, period, rng)
    order = np.argsort(arrival, kind="stable")
    written = take(written, order)
    return Traffic(
        fields=tuple(log_format_fields),
        lines=write_lines(people, true_flows, records, written, log_format_fields),
        times=arrival[order].tolist(),
        truth=truth_table(people, true_flows, records),
        line_truth=line_table(records, written.record),
        digest=estate.distributions.digest(),
    )
