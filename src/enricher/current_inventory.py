"""The inventory as one environment holds it: renewed between batches, indexed once, served on while it can't be had.

What is stale is decided part by part: a part whose last good scan is past the hard TTL, whoever is to blame.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cache import Current, LoadError, New, NotThere, RefreshingValue, Unchanged
from enricher.errors import LogFormatError
from enricher.inventory import Inventory
from enricher.log_format import LogFormats
from enricher.pointer import Pointer
from enricher.published import Place, read
from enricher.settings import Settings
from enricher.sources import Source

RETRY_SECONDS: Final = 10  # after a load that failed


@dataclass(frozen=True, slots=True)
class Held:
    """An indexed inventory and its pointer (None: a bare snapshot)."""

    inventory: Inventory
    pointer: Pointer | None

    def age(self, now: float) -> float | None:
        """Seconds since the oldest part's last good scan, or since the date of what has no parts; None undated."""
        scans = [part.begun_at for part in self.inventory.parts if part.begun_at is not None]
        observed_at = min(scans, default=self.inventory.observed_at)
        return None if observed_at is None else now - observed_at

    def old_parts(self, now: float, ttl: float) -> frozenset[str]:
        """Parts whose last good scan is more than ``ttl`` seconds old. Those that never had one are not among them."""
        return frozenset(
            part.name for part in self.inventory.parts if part.begun_at is not None and now - part.begun_at > ttl
        )


class CurrentInventory:
    """Not thread-safe.

    Args:
        settings: of the function; ``inventory_uri`` may be empty.
        s3: gives the client, when first needed.
        settle: called when an inventory has been loaded.
        warn: is told in one line why an inventory could not be loaded.
    """

    def __init__(
        self,
        settings: Settings,
        s3: Callable[[], Any],
        settle: Callable[[], object],
        warn: Callable[[str], object],
    ) -> None:
        self._settings: Final = settings
        self._place: Final = Place.of(settings.inventory_uri, settings.inventory_owner or None)
        self._s3: Final = s3
        self._settle: Final = settle
        self._warn: Final = warn
        self._value: Final[RefreshingValue[Held]] = RefreshingValue(
            self._load, settings.inventory_soft_ttl_s, settings.inventory_hard_ttl_s, RETRY_SECONDS
        )

    def at(self, now: float, *, may_load: bool) -> Current[Held]:
        """What is held at ``now`` (Unix seconds), renewed first where that is due and there is time for it."""
        if not self._settings.inventory_uri:
            return Current(None, None, None, "missing")
        return self._value.get(now) if may_load else self._value.peek(now)

    def source(self, current: Current[Held], now: float) -> Source | None:
        """The inventory and what its word is worth at ``now``; None where there is none."""
        held = current.value
        if held is None:
            return None
        inventory, ttl = held.inventory, self._settings.inventory_hard_ttl_s
        observed_at = inventory.observed_at
        # Without parts there is one date for all. Without a date it is as old as S3's last word on it.
        is_old = not inventory.parts and observed_at is not None and now - observed_at > ttl
        return Source(
            inventory,
            "snapshot",
            is_stale=is_old or current.state == "stale",
            stale_parts=held.old_parts(now, ttl),
        )

    def log_formats(self, current: Current[Held]) -> LogFormats:
        """The stream's: those of the settings, or else of the pointer.

        Raises:
            LogFormatError: neither tells one, or the pointer's cannot be told apart. The stream tries again.
        """
        if self._settings.log_formats is not None:
            return self._settings.log_formats
        pointer = None if current.value is None else current.value.pointer
        try:
            return LogFormats.parse(() if pointer is None else pointer.log_formats)
        except LogFormatError as error:
            raise LogFormatError(
                f"settings: LOG_FORMAT is empty, and the pointer {self._place.uri} does not settle it ({error}); "
                "set LOG_FORMAT, or see why the refresher finds no flow log of this stream"
            ) from error

    def record_tags(self, current: Current[Held]) -> Mapping[str, str]:
        """v11 tag column → tag key: those of the settings, or else of the pointer."""
        if self._settings.record_tags or current.value is None or current.value.pointer is None:
            return self._settings.record_tags
        return {name.replace("-", "_"): key for name, key in current.value.pointer.tag_keys.items()}

    def figures(self, current: Current[Held], now: float) -> dict[str, float]:
        """What alarms watch, whether or not S3 answers (names of ``metrics.METRICS``)."""
        if not self._settings.inventory_uri:
            return {}
        held = current.value
        told: dict[str, float] = {"InventoryMissing": int(held is None)}
        if held is not None:
            parts, age = held.inventory.parts, held.age(now)
            told["InventoryPartsFailed"] = sum(part.failed_at is not None for part in parts)
            never = sum(part.begun_at is None for part in parts)
            told["InventoryPartsStale"] = never + len(held.old_parts(now, self._settings.inventory_hard_ttl_s))
            if age is not None:
                told["InventoryAgeSeconds"] = age
        return told

    def counters(self) -> dict[str, float]:
        """Running totals, by metric name."""
        totals = self._value.counters()
        return {"InventoryLoads": totals.loads, "InventoryLoadFailures": totals.failures + totals.not_there}

    def _load(self, held: New[Held] | None) -> New[Held] | Unchanged | NotThere:
        try:
            found = read(self._s3(), self._place, held)
        except LoadError as error:
            self._warn(str(error))
            raise
        if not isinstance(found, New):
            return found
        loaded = Held(Inventory(found.value.tables, self._settings.promoted_tags), found.value.pointer)
        self._settle()
        return New(loaded, found.token)
