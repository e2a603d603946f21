"""One run of the refresher: scan, merge, publish the inventory; register the coming hours' partitions.

Publishing and registering do not wait for each other: what fails is told at the end. A part whose scan failed is no
failure of the run: it keeps what is known of it, and says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from enricher.accounts import Accounts, MakeClient
from enricher.cleanup import delete_old_snapshots
from enricher.errors import InventoryError
from enricher.history import merge
from enricher.inventory import InventoryTables, Part, is_ipam
from enricher.ipam import reads_of
from enricher.ipam_documents import IPAM_DOCUMENT, part_of, without
from enricher.paging import LONGEST_CALL_SECONDS, Reader, Target
from enricher.partitions import Partitions
from enricher.published import Facts, Place, publish
from enricher.refresher_settings import RefresherSettings
from enricher.scan import ESSENTIAL, OPTIONAL, Scan, Scanner, Scope
from enricher.stream_facts import FLOW_LOGS, stream_facts
from enricher.throttling import Share

_PUBLISH_SECONDS: Final = 30  # what merging and publishing may take after the last scan


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a run did: counts by REFRESHER_METRICS' names; the pointer's parts; warnings and failures, a line each."""

    counts: dict[str, float]
    parts: tuple[Part, ...] = ()
    warnings: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


@dataclass
class Refresher:
    """One Lambda environment: settings, clients, what is held from run to run. Serves one run at a time.

    Args:
        settings: checked at start.
        account_id: our own.
        region: our own.
        make_client: makes boto3 clients, see ``Accounts``.
        clock: Unix seconds.
        sleep: waits for seconds.
    """

    settings: RefresherSettings
    account_id: str
    region: str
    make_client: MakeClient
    clock: Callable[[], float]
    sleep: Callable[[float], object]
    accounts: Accounts = field(init=False)
    reader: Reader = field(init=False)
    scanner: Scanner = field(init=False)
    partitions: Partitions | None = None

    def __post_init__(self) -> None:
        settings = self.settings
        self.accounts = Accounts(self.make_client, self.region, settings.external_id, self.clock)
        self.reader = Reader(Share(settings.api_share, self.clock, self.sleep), self.clock)
        self.scanner = Scanner(self.reader, self.clock)

    def run(self, remaining_s: float) -> Refresh:
        """One run with ``remaining_s`` seconds left. Failures of AWS are told in the answer, defects raise."""
        began = self.clock()
        before = self.reader.counters()
        time_left = remaining_s - LONGEST_CALL_SECONDS - _PUBLISH_SECONDS
        asked, scopes = self.fact_scopes(), self.scopes()
        # Side by side, since they are begun in this order: accounts that do not answer come after our own.
        pairs = [each for pair in zip(scopes, asked, strict=False) for each in pair]
        scanned = self.scanner.scan_all([*pairs, *scopes[len(asked) :]], began + min(self.settings.scan_s, time_left))
        told, outcomes = scanned[1 : len(pairs) : 2], [*scanned[: len(pairs) : 2], *scanned[len(pairs) :]]
        scanned_at = self.clock()
        counts: dict[str, float] = {"ScanSeconds": scanned_at - began}
        failures: list[str] = []
        parts: tuple[Part, ...] = ()
        warnings = _warnings(told, outcomes)
        try:
            parts, more = self._publish(outcomes, self._facts(told), counts)
            warnings += more
        except Exception as error:  # noqa: BLE001 - told at the end, whatever it is: partitions are registered all the same
            failures.append(f"publishing the inventory failed: {_line(error)}")
        try:
            counts["PartitionsRegistered"] = self._register()
        except Exception as error:  # noqa: BLE001 - as above
            failures.append(f"registering partitions failed: {_line(error)}")
        after = self.reader.counters()
        counts |= {
            "ApiCalls": sum(after.calls.values()) - sum(before.calls.values()),
            "ApiRetries": after.retries - before.retries,
            "ApiThrottles": after.throttles - before.throttles,
            "ScanWarnings": len(warnings),
            "RefreshFailures": len(failures),
        }
        return Refresh(counts, parts, tuple(warnings), tuple(failures))

    def scopes(self) -> list[Scope]:
        """Every part that there is to scan: our own account, those of the roles, the IPAM's scopes."""
        settings = self.settings
        accounts = [
            Scope(f"{target.account_id}/{target.region}", target, (*ESSENTIAL, *OPTIONAL)) for target in self._reached()
        ]
        ipam = settings.ipam_role
        target = self.accounts.target(
            ipam.account_id if ipam else self.account_id, settings.ipam_region or self.region, ipam.arn if ipam else ""
        )
        return [*accounts, *(Scope(part_of(scope), target, reads_of(scope)) for scope in settings.ipam_scopes)]

    def fact_scopes(self) -> list[Scope]:
        """Whom to ask about the stream's flow logs: apart from the parts, for a part fails by its first denied read.

        Without formats nothing can be written; with formats and no inventory rows land, unresolved.
        """
        reached = self._reached() if self.settings.stream_arn else []
        return [Scope(f"{target.account_id}/{target.region}", target, (FLOW_LOGS,)) for target in reached]

    def _reached(self) -> list[Target]:
        """Every account and region that is asked: our own, and those of the roles."""
        settings = self.settings
        regions = settings.regions or (self.region,)
        return [
            *(self.accounts.target(self.account_id, region) for region in regions),
            *(
                self.accounts.target(role.account_id, region, role.arn)
                for role in settings.roles
                for region in role.regions or regions
            ),
        ]

    def _publish(
        self, outcomes: Sequence[Scan | Part], told: "_Told", counts: dict[str, float]
    ) -> tuple[tuple[Part, ...], tuple[str, ...]]:
        """Merge the scans onto what is published and publish that; the parts now, and warnings."""
        s3 = self._client("s3")
        place = Place.of(self.settings.inventory_uri, self.account_id)
        scans, failed = self._tables(outcomes)
        settings = self.settings
        merged: list[InventoryTables] = []

        def merge_again(previous: InventoryTables | None) -> InventoryTables:
            now = self.clock()
            merged[:] = [
                merge(
                    previous,
                    scans,
                    failed,
                    now,
                    settings.keep_s,
                    settings.max_gap_s,
                    consistency_s=settings.consistency_s,
                )
            ]
            return merged[0]

        facts, warnings = told.facts, told.warnings
        published = publish(s3, place, merge_again, facts)
        if published.begun_anew is not None:
            warnings = (*warnings, f"began a new history, what was published is refused: {published.begun_anew}")
        now = self.clock()
        begun = [part.begun_at for part in published.pointer.parts if part.begun_at is not None]
        counts |= {
            "PartsScanned": len(scans),
            "PartsFailed": len(failed),
            "Interfaces": merged[0].interfaces.num_rows,
            "SnapshotBytes": published.snapshot_bytes,
            "Merges": published.merges,
        }
        if begun:
            counts["InventoryAgeSeconds"] = now - min(begun)
        counts["SnapshotsDeleted"], more = delete_old_snapshots(s3, place, published.pointer.snapshot, now)
        return published.pointer.parts, (*warnings, *more)

    def _tables(self, outcomes: Sequence[Scan | Part]) -> tuple[list[InventoryTables], list[Part]]:
        """Good scans as inventories; failed parts, and those of which AWS told nonsense."""
        covered = frozenset(
            (scope.target.account_id, scope.target.region) for scope in self.scopes() if not is_ipam(scope.part)
        )
        scans, failed = [], []
        for outcome in outcomes:
            if isinstance(outcome, Part):
                failed.append(outcome)
                continue
            documents = dict(outcome.documents)
            if IPAM_DOCUMENT in documents:
                documents[IPAM_DOCUMENT] = without(documents[IPAM_DOCUMENT], covered)
            try:
                scans.append(replace(outcome, documents=documents).tables(self.settings.ipam_lag_s))
            except Exception as error:  # noqa: BLE001 - one part's nonsense, whatever it is, must not cost the others
                told = str(error) if isinstance(error, InventoryError) else _line(error)
                failed.append(Part(outcome.part, None, None, outcome.ended_at, f"part {outcome.part}: {told}"))
        return scans, failed

    def _facts(self, scanned: Sequence[Scan | Part]) -> "_Told":
        """What the pointer shall tell of the stream; what could not be learnt is kept as it was."""
        told = [
            scan.documents[FLOW_LOGS.document][FLOW_LOGS.answer]
            for scan in scanned
            if isinstance(scan, Scan) and FLOW_LOGS.document in scan.documents
        ]
        facts = stream_facts((flow_log for each in told for flow_log in each), self.settings.stream_arn)
        if not facts.log_formats:
            # Records of a flow log that was just deleted are still to come.
            return _Told(Facts(), facts.warnings)
        # Of an account that could not be asked the formats stand that were known.
        is_partial = len(told) < len(scanned)
        return _Told(Facts(facts.log_formats, facts.tag_keys, is_partial), facts.warnings)

    def _register(self) -> int:
        if self.partitions is None:
            self.partitions = Partitions(self._client("glue"), self.settings.glue_database)
        return self.partitions.register(self.region, self.clock())

    def _client(self, service: str) -> Any:
        return self.accounts.target(self.account_id, self.region).client(service)


class _Told(NamedTuple):
    """What flow logs tell of the stream, and where they contradict each other."""

    facts: Facts
    warnings: tuple[str, ...]


def _warnings(told: Sequence[Scan | Part], outcomes: Sequence[Scan | Part]) -> list[str]:
    """Of all good scans; of flow logs only where the part's scan is good, for a failed part says enough."""
    good = {scan.part: scan for scan in outcomes if isinstance(scan, Scan)}
    of_parts = [warning for scan in good.values() for warning in scan.warnings]
    of_facts = [
        warning
        for scan in told
        if (scan.part if isinstance(scan, Scan) else scan.name) in good
        for warning in (scan.warnings if isinstance(scan, Scan) else [str(scan.error)])
    ]
    return of_parts + of_facts


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
