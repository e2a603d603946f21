"""What IPAM's operations select, and refuse, in ways of their own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, Final

from .collection import Collection
from .documents import Documents
from .errors import AwsError

# The private scope is for these; everything else lies in the public one.
_PRIVATE: Final = tuple(
    ip_network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
_AFTER_ALL: Final = datetime.max.replace(tzinfo=UTC)


def in_scope(collection: Collection, documents: Documents, parameters: Mapping[str, Any]) -> set[int] | None:
    """GetIpamResourceCidrs: of that scope and, if asked for, with that tag."""
    scope_id = parameters["IpamScopeId"]
    rows = collection.at("IpamScopeId").get(scope_id, ())
    if not rows:
        _scope(documents, scope_id)
    tag = parameters.get("ResourceTag")
    if tag is None:
        return set(rows)
    tagged = collection.with_tag(tag["Key"]).get(tag["Value"], ()) if "Value" in tag else ()
    return set(rows) & set(tagged)


def in_discovery(collection: Collection, documents: Documents, parameters: Mapping[str, Any]) -> set[int] | None:
    """GetIpamDiscoveredResourceCidrs: found by that resource discovery."""
    discovery = parameters["IpamResourceDiscoveryId"]
    known = {ipam.get("DefaultResourceDiscoveryId") for ipam in documents.get("ipams", {}).get("Ipams", ())}
    found = collection.at("IpamResourceDiscoveryId").get(discovery, ())
    if not found and discovery not in known:
        raise AwsError("InvalidIpamResourceDiscoveryId.NotFound", f"The ID '{discovery}' does not exist")
    return set(found)


def in_history(collection: Collection, documents: Documents, parameters: Mapping[str, Any]) -> set[int] | None:
    """GetIpamAddressHistory: sampled within the time asked for, addresses of the scope's kind.

    Omitted, EndTime is now and StartTime is EndTime. A record without SampledEndTime lasts. Only the Advanced Tier
    keeps history; AWS documents no error code for the other one, so which it is is assumed.
    """
    scope = _scope(documents, parameters["IpamScopeId"])
    if any(ipam.get("Tier") == "free" for ipam in documents.get("ipams", {}).get("Ipams", ())):
        raise AwsError("UnsupportedOperation", "IP address history needs an IPAM of the Advanced Tier.")
    end = parameters.get("EndTime", _AFTER_ALL)
    start = parameters.get("StartTime", end)
    if start > end:
        raise AwsError("InvalidParameterValue", "StartTime is after EndTime.")
    wanted = _network(parameters["Cidr"])
    if (scope["IpamScopeType"] == "private") != is_private(wanted):
        return set()
    return {
        position
        for position in collection.at("ResourceCidr").get(parameters["Cidr"], ())
        if _time(collection.resources[position].get("SampledStartTime"), _BEFORE_ALL) <= end
        and _time(collection.resources[position].get("SampledEndTime"), _AFTER_ALL) >= start
    }


def is_private(cidr: str) -> bool:
    """Whether a CIDR lies in IPAM's private scope."""
    network = ip_network(cidr)
    return any(network.version == private.version and network.subnet_of(private) for private in _PRIVATE)  # type: ignore[arg-type]  # same version


def _scope(documents: Documents, scope_id: str) -> Mapping[str, Any]:
    for scope in documents.get("ipam-scopes", {}).get("IpamScopes", ()):
        if scope.get("IpamScopeId") == scope_id:
            found: Mapping[str, Any] = scope
            return found
    raise AwsError("InvalidIpamScopeId.NotFound", f"The ID '{scope_id}' does not exist")


def _network(cidr: str) -> str:
    try:
        if "/" in cidr:
            return str(ip_network(cidr))
    except ValueError:
        pass
    raise AwsError("InvalidParameterValue", f"The CIDR '{cidr}' is not valid; an address is a /32 or /128")


def _time(told: str | datetime | None, otherwise: datetime) -> datetime:
    if told is None:
        return otherwise
    return told if isinstance(told, datetime) else datetime.fromisoformat(told)
