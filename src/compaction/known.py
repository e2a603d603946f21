"""What enriching needs to know beside the lines: log formats, an inventory, which tags are whose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cache import LoadError, New
from enricher.errors import InventoryError
from enricher.inventory import Inventory
from enricher.log_format import LogFormats
from enricher.published import Place, read
from enricher.resolve import Rules
from enricher.settings import promoted_tags, record_tags
from enricher.sources import Source


@dataclass(frozen=True, slots=True)
class Known:
    """``formats`` None: nobody has told; lines then need a header. ``source`` None: nothing is looked up."""

    formats: LogFormats | None
    source: Source | None
    rules: Rules


@dataclass(frozen=True, slots=True)
class Told:
    """The same as a person gives it: formats, and tags in the spelling of the function's settings. All may be empty."""

    log_formats: Sequence[str] = ()
    promoted: str = ""
    record: str = ""

    def known(self, source: Source | None) -> Known:
        """With an inventory that tells nothing else. Raises LogFormatError or SettingsError."""
        formats = LogFormats.parse(self.log_formats) if self.log_formats else None
        return Known(formats, source, Rules(promoted_tags(self.promoted), record_tags(self.record)))


def known_from(s3: Any, uri: str, told: Told) -> Known:
    """With what the refresher publishes at ``uri``: what was told comes first, then what its pointer tells.

    Raises:
        InventoryError: nothing usable is published there.
        LogFormatError, SettingsError: what was told cannot be read.
    """
    known = told.known(None)
    try:
        found = read(s3, Place.of(uri))
    except LoadError as error:
        raise InventoryError(str(error)) from error
    if not isinstance(found, New):
        raise InventoryError(f"inventory {uri}: nothing is published there; give the refresher's pointer, or none")
    pointer = found.value.pointer
    source = Source(Inventory(found.value.tables, known.rules.promoted), "snapshot")
    if pointer is None:
        return Known(known.formats, source, known.rules)
    formats = known.formats or (LogFormats.parse(pointer.log_formats) if pointer.log_formats else None)
    tags = known.rules.record_tags or {name.replace("-", "_"): key for name, key in pointer.tag_keys.items()}
    return Known(formats, source, Rules(known.rules.promoted, tags))
