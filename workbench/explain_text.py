"""The story of an address as text: to read in a terminal, or to paste into a ticket."""

from collections.abc import Iterator
from typing import Any, Final

from enricher.explain import Answer, Explainer, Ownership, Place
from enricher.inventory import Part
from workbench.explain_command import Story, Told
from workbench.explain_words import of_answer, of_left_out, of_ownership, of_view
from workbench.ipam_history import SAMPLING_S
from workbench.paragraphs import named, section, wrapped
from workbench.times import duration, shown

# More VPCs than a person reads; --vpc chooses one, --output json has all.
_MOST_ANSWERS: Final = 6
_INDENT: Final = "  "


def lines(story: Story, columns: int) -> list[str]:
    """The story in ``columns`` columns."""
    explainer = story.told.explainer
    text = wrapped(_headline(story), columns)
    text += section("The address", _address(explainer, columns))
    text += section("Who had it", _owners(explainer, columns))
    text += _answers(story, story.told, columns)
    if story.history is not None:
        text += section("IPAM's address history", _history(story, story.history, columns))
    text += section("The inventory", _inventory(story, columns))
    return text


def _headline(story: Story) -> str:
    explainer = story.told.explainer
    if story.at is None:
        when = "(these files carry no date: their latest state)"
    elif story.at_given:
        when = f"at {shown(story.at)}"
    else:
        when = f"at {shown(story.at)} (no --at: the newest this inventory knows)"
    best = _best(story.told)
    seen = "" if best.seen_from is None else f", seen from {best.seen_from}"
    said = _who(best.columns) if best.named is not None else None
    found = f"{best.columns['status']}{'' if said is None else ': ' + said}"
    return f"{explainer.address.text} {when}{seen}: {found}"


def _best(told: Told) -> Answer:
    """The answer for the headline: the only one, or that of the only VPC that may hold the address."""
    return told.answers[1] if len(told.answers) == 2 else told.answers[0]  # noqa: PLR2004 - unknown VPC, and one


def _who(columns: dict[str, Any]) -> str:
    """A resource in a few words: its type, id, name and interface."""
    kind, resource_id, interface_id = (columns[name] for name in ("resource_type", "resource_id", "interface_id"))
    words = [str(kind or "interface").replace("_", " ")]
    if resource_id is not None and resource_id != interface_id:
        words.append(str(resource_id))
    if columns.get("name"):
        words.append(f'"{columns["name"]}"')
    return f"{' '.join(words)}, {interface_id}" if interface_id else " ".join(words)


def _address(explainer: Explainer, columns: int) -> Iterator[str]:
    text = explainer.address.text
    if explainer.is_public:
        yield from wrapped(f"{text} is public: no VPC's CIDR holds it.", columns, _INDENT)
        return
    if not explainer.places:
        yield from wrapped(f"{text} is in no CIDR of any VPC that the inventory knows.", columns, _INDENT)
        return
    yield from wrapped(f"{text} is held by", columns, _INDENT)
    for place in explainer.places[:_MOST_ANSWERS]:
        yield from wrapped(_place(place), columns, _INDENT * 2, _INDENT * 3)
    left = len(explainer.places) - _MOST_ANSWERS
    if left > 0:
        yield f"{_INDENT * 2}and {left} more (--output json has all)"


def _place(place: Place) -> str:
    within = place.vpc_id + (f" ({place.cidr})" if place.cidr else " (its CIDRs are not known)")
    if place.subnet_id is None:
        return f"{within}, in no known subnet"
    zone = "" if place.az_id is None else f", {place.az_id}"
    return f"{within}, {place.subnet_id} ({place.subnet_cidr}){zone}"


def _owners(explainer: Explainer, columns: int) -> Iterator[str]:
    if not explainer.ownerships:
        yield from wrapped("Nobody, as far as it is known.", columns, _INDENT)
    for number, ownership in enumerate(explainer.ownerships, 1):
        interface = explainer.interface(ownership)
        vpc_id = ownership.owner.vpc_id or interface["vpc_id"]
        where = "" if vpc_id is None else f" in {vpc_id}"
        part = "" if interface["part"] is None else f" (part {interface['part']})"
        through = "" if ownership.through is None else f", by its prefix {ownership.through}"
        yield from wrapped(f"{_who(interface)}{where}{part}{through}", columns, f"{number:>3}. ")
        yield from wrapped(_span(ownership), columns, " " * 5)
        yield from wrapped(of_ownership(explainer, ownership), columns, " " * 5)


def _span(ownership: Ownership) -> str:
    since, until = ownership.valid_from, ownership.seen_until
    if since is not None and until is not None and since > until:
        return f"seen once, between {shown(until)} and {shown(since)}"
    begins = "any time" if since is None else shown(since)
    ends = "any later time" if until is None else shown(until)
    return f"{begins} to {ends}"


def _answers(story: Story, told: Told, columns: int) -> list[str]:
    text: list[str] = []
    for answer in told.answers[:_MOST_ANSWERS]:
        text += section(_title(told, answer), _answer(story, told, answer, columns))
    left = len(told.answers) - _MOST_ANSWERS
    if left > 0:
        text += section(f"Seen from {left} more VPCs", [f"{_INDENT}give --vpc, or --output json for all"])
    return text


def _title(told: Told, answer: Answer) -> str:
    if told.explainer.is_public:
        return "Seen from anywhere"
    return "Seen from a VPC that is not known" if answer.seen_from is None else f"Seen from {answer.seen_from}"


def _answer(story: Story, told: Told, answer: Answer, columns: int) -> Iterator[str]:
    explainer = told.explainer
    evidence = answer.columns["evidence"]
    yield f"{_INDENT}{answer.columns['status']}{'' if evidence is None else f', evidence {evidence}'}"
    yield from wrapped(of_view(explainer, answer), columns, _INDENT)
    yield from wrapped(of_answer(explainer, answer, story.at), columns, _INDENT)
    for each in answer.left_out:
        because = of_left_out(explainer, each, answer.seen_from)
        yield from wrapped(f"Not owner {each.ownership + 1}: {because}.", columns, _INDENT, _INDENT * 2)
    if answer.seen_from is None and len(told.answers) > 1:
        # Nothing but the status is known; the VPCs' own answers follow.
        return
    pairs = [(name, _value(value)) for name, value in answer.columns.items()]
    yield ""
    yield from named([pair for pair in pairs if pair[1] is not None], columns)
    yield from wrapped(", ".join(name for name, value in pairs if value is None), columns, f"{_INDENT}null: ")


def _value(value: Any) -> str | None:
    if isinstance(value, dict):
        return ", ".join(f"{key}={word}" for key, word in sorted(value.items())) or None
    return None if value is None else str(value)


def _history(story: Story, told: Told, columns: int) -> Iterator[str]:
    if not story.sampled:
        yield from wrapped("The file holds no record of this address.", columns, _INDENT)
        return
    for each in story.sampled:
        end = "no end told" if each.ended is None else f"no longer at {shown(each.ended)}"
        vpc = "" if each.vpc_id is None else f" in {each.vpc_id}"
        account = "" if each.owner_id is None else f", account {each.owner_id}"
        said = f"{each.resource_type} {each.resource_id}{vpc}{account}: sampled from {shown(each.first)}, {end}"
        yield from wrapped(said, columns, _INDENT, _INDENT * 2)
    if not told.answers:
        yield from wrapped("None is of a network interface, so none names an owner.", columns, _INDENT)
        return
    answer = _best(told)
    said = f": {_who(answer.columns)}" if answer.named is not None else ""
    yield from wrapped(
        f"By these alone: {answer.columns['status']}{said}"
        f"{'' if answer.columns['evidence'] is None else ', evidence ' + str(answer.columns['evidence'])}. "
        f"{of_answer(told.explainer, answer, story.at)} IPAM samples: up to {duration(SAMPLING_S)} before a sampled "
        "end are not claimed.",
        columns,
        _INDENT,
    )


def _inventory(story: Story, columns: int) -> Iterator[str]:
    tables = story.tables
    if tables.observed_at is None and not tables.parts:
        yield from wrapped(
            f"{story.inventory} carries no date: it is taken to hold since each interface's AttachTime.",
            columns,
            _INDENT,
        )
        return
    if tables.observed_at is not None:
        yield from wrapped(f"{story.inventory} was true at {shown(tables.observed_at)}.", columns, _INDENT)
    good = [part for part in tables.parts if part.failed_at is None and part.ended_at is not None]
    for part in good if len(good) <= _MOST_ANSWERS else ():
        yield from wrapped(_part(part, story.at), columns, _INDENT, _INDENT * 2)
    if len(good) > _MOST_ANSWERS:
        oldest = min(part.ended_at or 0.0 for part in good)
        yield from wrapped(f"{len(good)} parts scanned well, the first of them {shown(oldest)}.", columns, _INDENT)
    for part in tables.parts:
        if part not in good:
            yield from wrapped(_part(part, story.at), columns, _INDENT, _INDENT * 2)


def _part(part: Part, at: int | None) -> str:
    if part.begun_at is None or part.ended_at is None:
        said = f"{part.name}: never scanned well, so what it may hold is not known"
    else:
        said = f"{part.name}: last scanned well {shown(part.begun_at)} to {shown(part.ended_at)}"
        if at is not None and at > part.begun_at:
            said += f", {duration(at - part.begun_at)} before the time asked for"
    if part.failed_at is not None:
        said += f"; the scan of {shown(part.failed_at)} failed: {part.error or 'no reason told'}"
    return said + "."
