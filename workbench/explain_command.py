"""``vpcflow explain``: who an address was at a time, what proves it, and why not where it is not known."""

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from enricher.addresses import Address
from enricher.explain import Answer, Explainer, Ownership
from enricher.inventory import FOREVER, Inventory, InventoryTables
from enricher.sources import Source
from workbench.errors import UsageError
from workbench.explain_words import of_answer, of_left_out, of_ownership, of_view
from workbench.inventory_files import load_tables
from workbench.ipam_history import Sampled, history_source, read_history
from workbench.times import seconds_of, shown

_VPC: Final = re.compile(r"vpc-[0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Told:
    """What one source tells of the address: its owners over time, and the answers for the time asked."""

    explainer: Explainer
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """All that is said of one address. ``at``: Unix seconds, None for the state of files that carry no date.

    ``history``: what IPAM's records of the address tell; None where the inventory directory has no such file.
    ``sampled``: those records.
    """

    inventory: str
    tables: InventoryTables
    at: int | None
    at_given: bool
    told: Told
    history: Told | None
    sampled: tuple[Sampled, ...]


def tell(
    ip: str, vpc_id: str | None, at: str | None, inventory: Path, promoted: Mapping[str, tuple[str, ...]]
) -> Story:
    """The story of ``ip``.

    Raises:
        UsageError: the address, the VPC, the time or the inventory is none.
        InventoryError: the inventory is not what it says.
    """
    address = address_of(ip)
    if vpc_id is not None and not _VPC.fullmatch(vpc_id):
        raise UsageError(f"--vpc {vpc_id}: is no VPC's id; give one such as vpc-07372fc0ac2b84768")
    given = None if at is None else math.floor(seconds_of(at, "--at"))
    tables = load_tables(inventory, None)
    when = newest(tables) if given is None else given
    source = Source(Inventory(tables, promoted), "snapshot")
    explainer = Explainer(tables, source, address)
    moment = FOREVER if when is None else when
    told = Told(explainer, _answers(explainer, vpc_id, moment))
    sampled = read_history(inventory, address) if inventory.is_dir() else None
    history = None
    if sampled is not None:
        past_tables, past = history_source(sampled, explainer, tables.networks, promoted)
        recalled = Explainer(past_tables, past, address)
        history = Told(recalled, _answers(recalled, vpc_id, moment) if recalled.ownerships else ())
    return Story(inventory.name, tables, when, given is not None, told, history, tuple(sampled or ()))


def address_of(text: str) -> Address:
    """The address; one with the prefix length of a single address (/32, /128) is one too."""
    host, slash, length = text.partition("/")
    try:
        address = Address.parse(host)
        if not slash or length == ("128" if ":" in host else "32"):
            return address
        network = ip_network(text, strict=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"{text!r}: is no IP address; give one such as 10.0.1.5 or 2001:db8::1") from error
    raise UsageError(f"{text}: is a network; give one address in it, such as {network.network_address}")


def newest(tables: InventoryTables) -> int | None:
    """The latest time the inventory knows of (Unix seconds, up to the next whole one); None where it is undated."""
    known = [part.ended_at for part in tables.parts if part.ended_at is not None]
    if tables.observed_at is not None:
        known.append(tables.observed_at)
    return math.ceil(max(known)) if known else None


def _answers(explainer: Explainer, vpc_id: str | None, at: int) -> tuple[Answer, ...]:
    """One answer where the VPC is given or does not matter; else also one from within each VPC it may be in."""
    if explainer.is_public or vpc_id is not None:
        return (explainer.answer(vpc_id, at),)
    within = [explainer.answer(name, at) for name in explainer.vpcs()]
    # Those that name somebody come first.
    within.sort(key=lambda answer: answer.named is None)
    return (explainer.answer(None, at), *within)


def write_json(story: Story) -> None:
    """The story as one JSON object on one line of standard output."""
    explainer = story.told.explainer
    document = {
        "address": explainer.address.text,
        "is_public": explainer.is_public,
        "at": story.at,
        "at_text": None if story.at is None else shown(story.at),
        "at_given": story.at_given,
        "inventory": {
            "name": story.inventory,
            "observed_at": story.tables.observed_at,
            "parts": [asdict(part) for part in story.tables.parts],
        },
        "places": [asdict(place) for place in explainer.places],
        **_told_json(story, story.told),
        "ipam_history": None
        if story.history is None
        else {"records": [each.as_json() for each in story.sampled], **_told_json(story, story.history)},
    }
    sys.stdout.write(json.dumps(document) + "\n")


def _told_json(story: Story, told: Told) -> dict[str, Any]:
    explainer = told.explainer
    return {
        "owners": [_owner_json(explainer, ownership) for ownership in explainer.ownerships],
        "answers": [
            {
                "seen_from": answer.seen_from,
                "columns": answer.columns,
                "view": of_view(explainer, answer),
                "because": of_answer(explainer, answer, story.at),
                "named": answer.named,
                "left_out": [
                    {
                        "owner": each.ownership,
                        "reason": each.reason,
                        "by": each.by,
                        "because": of_left_out(explainer, each, answer.seen_from),
                    }
                    for each in answer.left_out
                ],
            }
            for answer in told.answers
        ],
    }


def _owner_json(explainer: Explainer, ownership: Ownership) -> dict[str, Any]:
    interface = explainer.interface(ownership)
    return {
        **interface,
        "vpc_id": ownership.owner.vpc_id or interface["vpc_id"],
        "valid_from": ownership.valid_from,
        "seen_until": ownership.seen_until,
        "is_open": ownership.owner.is_open,
        "through": ownership.through,
        "proof": of_ownership(explainer, ownership),
    }
