"""A batch's keys become its endpoint dimension: record, batch, snapshot, EC2 behind the cache, subnet.

Work is per unique recorder and unique key, never per row. See DESIGN.md §4, "Evidence, best first".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cache import Budget
from enricher.attribution import Attributor, Candidate, Key
from enricher.columns import plain
from enricher.dimension import Answers, dimension_of
from enricher.endpoints import Batch, Dimension, batch_of
from enricher.keys import OwnAddresses, keys_of, peer_sides
from enricher.recorders import recorders_of
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.sources import Source
from enricher.traffic import reporter_codes

if TYPE_CHECKING:  # who reads EC2 is only imported by who asks it: a cold start should not wait for that
    from enricher.misses import MissSource


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of attribution: promoted column → tag keys, v11 tag field → tag key, the stream's region."""

    promoted: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEFAULT_PROMOTED_TAGS))
    record_tags: Mapping[str, str] = field(default_factory=dict)
    default_region: str | None = None


@dataclass(frozen=True, slots=True)
class Misses:
    """What the snapshot does not know may be asked here: EC2 behind the cache, at ``now``, within ``budget``.

    ``part``: the part of the inventory (account and region) that EC2 can be asked of; None: not known.
    """

    source: "MissSource"
    now: float
    budget: Budget
    part: str | None = None


def resolve(
    flows: pa.Table, snapshot: Source | None, rules: Rules, misses: Misses | None = None, arrived_at: Any = None
) -> Dimension:
    """The endpoint dimension of ``flows`` (``schema.flow_columns()``).

    ``arrived_at``: Unix seconds per row, bounds records without times. Without ``snapshot`` and ``misses`` every
    side that the batch's own records do not tell is ``unresolved``.
    """
    batch = batch_of(flows, arrived_at)
    sources = [] if snapshot is None else [snapshot]
    if misses is not None:
        sources += _recorders_asked(batch, sources, misses)
    recorders = recorders_of(batch.recorders, sources, rules.promoted, rules.record_tags, rules.default_region)
    own = OwnAddresses(batch, recorders, sources)
    direction = plain(flows["flow_direction"])
    reporter = reporter_codes(batch, direction, recorders.kinds, own.pairs(), own.owns)
    keys = keys_of(flows, batch, recorders, reporter, sources)
    attributor = Attributor(batch.addresses, peer_sides(batch, recorders, reporter), sources)
    answers = attributor.answers(keys.keys)
    if misses is not None:
        attributor, answers = _misses_asked(attributor, keys.keys, answers, misses, snapshot)
    return dimension_of(batch, recorders, reporter, keys, Answers(answers, attributor.sources), rules.promoted)


def _recorders_asked(batch: Batch, sources: Sequence[Source], misses: Misses) -> list[Source]:
    """Without a snapshot the estate's networks; and the recording interfaces that the snapshot does not know."""
    found: list[Source | None] = []
    if not sources:
        found.append(misses.source.networks(misses.now, misses.budget, misses.part))
    recording = dict.fromkeys(batch.recorders["interface_id"].to_pylist())
    unknown = [name for name in recording if name and not any(name in s.inventory.rows for s in sources)]
    if unknown:
        found.append(misses.source.interfaces(unknown, misses.now, misses.budget)[0])
    return [source for source in found if source is not None]


def _misses_asked(
    attributor: Attributor,
    keys: Sequence[Key],
    answers: list[list[Candidate]],
    misses: Misses,
    snapshot: Source | None,
) -> tuple[Attributor, list[list[Candidate]]]:
    """Ask for the addresses of keys without an owner, unless a snapshot later than the flows was complete."""
    known_until = -float("inf") if snapshot is None else snapshot.inventory.known_until(misses.part)
    missed = [
        position
        for position, (key, candidates) in enumerate(zip(keys, answers, strict=True))
        if not candidates[-1].names_owner and key.last > known_until
    ]
    asked = {keys[position].address: attributor.addresses[keys[position].address] for position in missed}
    public = [address for address in asked.values() if attributor.is_public(address)]
    private = [address for address in asked.values() if not attributor.is_public(address)]
    source, unasked = misses.source.addresses(private, public, misses.now, misses.budget)
    if not attributor.sources and source is None:
        # Neither networks nor owners could be had: nobody was asked.
        unasked = frozenset(address.text for address in asked.values())
    sources = [*attributor.sources, *([] if source is None else [replace(source, part=misses.part)])]
    informed = replace(attributor, sources=sources, unasked=unasked)
    for position in missed:
        answers[position] = informed.answer(keys[position])
    return informed, answers
