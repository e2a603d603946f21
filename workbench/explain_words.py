"""The sentences of ``vpcflow explain``: what proves an ownership, why it answers, and why not."""

from typing import Final

from enricher.explain import (
    ATTACHED_LATER,
    CIDRS_UNKNOWN,
    CONFLICT,
    CONFLICT_OF_OTHERS,
    EC2_KNOWS,
    GONE,
    HIDDEN_VPC,
    LATE_WORD,
    NO_VPC,
    OTHER_VPC,
    PUBLIC_SPACE,
    SAME_OWNER,
    SEEN_LATER,
    SEVERAL_CONNECTED,
    SUCCEEDED,
    TOO_LONG_AGO,
    UNCONNECTED,
    VPC_UNKNOWN,
    Answer,
    Explainer,
    LeftOut,
    Ownership,
)
from workbench.ipam_history import EVIDENCE as IPAM_HISTORY
from workbench.times import shown

_MOST: Final = 20  # connected VPCs that are named
_NOBODY: Final = "nobody is proven to have had it then"


def of_ownership(explainer: Explainer, ownership: Ownership) -> str:
    """What proves that the interface had the address, and for what time."""
    since, until = ownership.valid_from, ownership.seen_until
    if explainer.evidence == IPAM_HISTORY:
        told = "IPAM sampled it with the address; up to one sampling period is taken off a sampled end"
    elif until is None:
        begins = "without AttachTime, for any time" if since is None else "since its AttachTime"
        told = f"{begins}: the files carry no date, so this is taken to hold for all later time"
    elif since is None or since > until:
        told = "seen by one scan only, which proves no whole second"
    elif ownership.since_attachment:
        told = "proven from its AttachTime to the last scan that saw it"
    elif since == until:
        told = "seen by one scan, which proves that second alone: it may have come just before and gone just after"
    else:
        told = "seen by every scan from the first time to the last, never too far apart to prove the time between"
    if ownership.owner.is_open and until is not None:
        told += "; it has not been seen to lose it, so later flows are named by continuation (snapshot_open)"
    return told


def of_view(explainer: Explainer, answer: Answer) -> str:
    """What the place a flow was recorded at has to do with the address."""
    if explainer.is_public:
        return "A public address is looked up by its association, from wherever it is seen."
    seen_from = answer.seen_from
    if seen_from is None:
        return "Without the recorder's VPC no private address is named: other VPCs may hold the same one."
    networks = explainer.networks
    is_held = networks.covers(seen_from, explainer.address)
    if is_held:
        return f"A CIDR of {seen_from} holds the address, so it is of that VPC and no other."
    if is_held is None:
        return f"The CIDRs of {seen_from} are not in the inventory, so whether it holds the address is not known."
    connected = sorted(networks.connected(seen_from))
    if not connected:
        return f"No CIDR of {seen_from} holds the address, and no other VPC is known to be connected to it."
    more = f" and {len(connected) - _MOST:,} more" if len(connected) > _MOST else ""
    return f"No CIDR of {seen_from} holds the address; connected to it: {', '.join(connected[:_MOST])}{more}."


def of_answer(explainer: Explainer, answer: Answer, at: int | None) -> str:
    """Why the answer is what it is."""
    if answer.named is not None:
        return _named(explainer, answer, answer.named, at)
    if answer.columns["evidence"] == "subnet":
        return f"Only the place is known, by the subnet's CIDR: {_NOBODY}."
    if answer.columns["status"] == "unresolved":
        return "Not known: a part of the estate that may hold it has never been scanned well."
    if answer.columns["status"] == "ambiguous":
        return _ambiguous({each.reason for each in answer.left_out}, answer)
    return _absent(explainer, answer)


def _named(explainer: Explainer, answer: Answer, number: int, at: int | None) -> str:
    until = explainer.ownerships[number].seen_until
    if answer.columns["evidence"] == "snapshot_open" and until is not None:
        return (
            f"By continuation: {_owner(explainer, number)} had it when last seen, {shown(until)}, "
            "and no other owner has been seen since. A later scan settles it."
        )
    return (
        f"Proven{' in the latest state of the files' if at is None else ' for that time'}: {_owner(explainer, number)}."
    )


def _owner(explainer: Explainer, number: int) -> str:
    """What an ownership is called: its number in the list, but IPAM's records stand in a list of their own."""
    if explainer.evidence != IPAM_HISTORY:
        return f"owner {number + 1}"
    return str(explainer.interface(explainer.ownerships[number])["interface_id"])


def _absent(explainer: Explainer, answer: Answer) -> str:
    if explainer.is_public:
        had = "nobody is known to have it" if not explainer.ownerships else _NOBODY
        return f"A public address, and {had}."
    if answer.seen_from is None:
        return "Not known without the VPC it was seen from: give --vpc."
    if any(place.vpc_id == answer.seen_from for place in explainer.places):
        return f"No known subnet of {answer.seen_from} holds it, and {_NOBODY}."
    return f"No VPC known to be reached from {answer.seen_from} holds it."


def _ambiguous(reasons: set[str], answer: Answer) -> str:
    if answer.seen_from is None:
        return "It might be any of the owners: without the VPC it was seen from none is proven."
    if HIDDEN_VPC in reasons:
        return f"It might be in a VPC connected to {answer.seen_from} of which no scan has told."
    if SEVERAL_CONNECTED in reasons:
        return f"More than one VPC connected to {answer.seen_from} may hold it: none is proven."
    if CIDRS_UNKNOWN in reasons:
        return f"It might be an owner elsewhere, or {answer.seen_from}'s own: its CIDRs are not known."
    if UNCONNECTED in reasons:
        return f"It has owners, but none in a VPC that is known to be connected to {answer.seen_from}."
    return "It might be one of the owners, and none is proven."


def of_left_out(explainer: Explainer, left_out: LeftOut, seen_from: str | None) -> str:
    """Why an owner is not the answer."""
    mine = explainer.ownerships[left_out.ownership]
    since = None if mine.valid_from is None else shown(mine.valid_from)
    until = None if mine.seen_until is None else shown(mine.seen_until)
    other = "another interface" if left_out.by is None else _owner(explainer, left_out.by)
    gap = ""
    if left_out.reason == GONE and left_out.by is not None:
        came = explainer.ownerships[left_out.by].valid_from
        gap = f"; {other} is proven from {shown(came)} only" if came is not None else ""
    return {
        ATTACHED_LATER: f"attached at {since}, after the time asked for",
        SEEN_LATER: f"first seen with it at {since}; nothing proves that it had it before",
        GONE: f"last seen with it at {until}, and without it afterwards{gap}",
        SUCCEEDED: f"last seen with it at {until}, and not continued: {other} has been seen with it since",
        TOO_LONG_AGO: f"last seen with it at {until}, too long ago for the time that it had had it",
        CONFLICT: f"contradicted: {other} is said to have had it at the same time, so neither is believed",
        CONFLICT_OF_OTHERS: f"{other} is contradicted, so nobody in that VPC is believed",
        LATE_WORD: f"only IPAM tells of it, which is late, and EC2 of {other} at the same time",
        EC2_KNOWS: "only IPAM tells of it, while EC2 tells of the interface, and knows more and earlier",
        SAME_OWNER: f"it is {other} once more",
        NO_VPC: f"it was in {mine.owner.vpc_id}; whether that VPC is meant is not known",
        OTHER_VPC: f"it was in {mine.owner.vpc_id}, and a CIDR of {seen_from} holds the address",
        CIDRS_UNKNOWN: f"it was in {mine.owner.vpc_id}; {seen_from} may hold the address itself",
        UNCONNECTED: f"it was in {mine.owner.vpc_id}, which is not known to be connected to {seen_from}",
        SEVERAL_CONNECTED: f"it was in {mine.owner.vpc_id}, not the only connected VPC that may hold the address",
        HIDDEN_VPC: (
            f"it was in {mine.owner.vpc_id}, but another VPC connected to {seen_from} may hold the address: "
            "no scan has told of it"
        ),
        VPC_UNKNOWN: "the inventory does not tell its VPC, and a private address means nothing without one",
        PUBLIC_SPACE: f"it had it within {mine.owner.vpc_id}, but no CIDR that the inventory knows holds it",
    }[left_out.reason]
