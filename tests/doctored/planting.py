"""Faults to plant in a healthy deployment (`doctored.cloud`), one at a time, each undone afterwards.

A fault says which finding it must bring, which services answer otherwise because of it, and a word that the finding's
mend must have: the name of the thing, or the setting.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from moto.backends import get_backend
from static.deployed import ACCOUNT

from doctored.cloud import DeployedCloud
from doctored.names import SNAPSHOT
from enricher.inventory import Part


@dataclass(frozen=True)
class Fault:
    """``mends``: a word of the mend. ``severity``: of the finding. ``services``: that answer otherwise."""

    id: str
    mends: str
    severity: str
    services: frozenset[str]
    plant: Callable[[DeployedCloud], AbstractContextManager[None]]


FAULTS: list[Fault] = []


def fault(name: str, mends: str, severity: str, *services: str) -> Callable[[Any], Any]:
    """Registers a generator that plants a fault, yields, and undoes it."""

    def register(plant: Callable[[DeployedCloud], Iterator[None]]) -> Any:
        FAULTS.append(Fault(name, mends, severity, frozenset(services), contextmanager(plant)))
        return plant

    return register


def backend(service: str) -> Any:
    """What moto keeps of a service."""
    return get_backend(service)[ACCOUNT]["aws" if service == "s3" else "eu-west-1"]


@contextmanager
def flow_logs(deployed: DeployedCloud, *changes: dict[str, Any]) -> Iterator[None]:
    """As many flow logs as changes, each the healthy one changed so."""
    before = deployed.documents["flow-logs"]
    (one,) = before["FlowLogs"]
    deployed.documents["flow-logs"] = {"FlowLogs": [one | change for change in changes]}
    deployed.tell()
    yield
    deployed.documents["flow-logs"] = before
    deployed.tell()


@contextmanager
def function(deployed: DeployedCloud, logical: str, **changed: Any) -> Iterator[None]:
    """A function with other properties."""
    deployed.replace_function(logical, **changed)
    yield
    deployed.replace_function(logical)


def variables(deployed: DeployedCloud, logical: str, **changed: str) -> AbstractContextManager[None]:
    """A function with other variables."""
    told = {"Variables": deployed.variables(logical) | changed}
    return function(deployed, logical, Environment=told)


@contextmanager
def stream(deployed: DeployedCloud, **changed: Any) -> Iterator[None]:
    """The stream with another destination."""
    deployed.replace_stream(**changed)
    yield
    deployed.replace_stream()


@contextmanager
def document(deployed: DeployedCloud, name: str, member: str, **changed: Any) -> Iterator[None]:
    """The first entry of a document, changed."""
    before = deployed.documents[name]
    first, *others = before[member]
    deployed.documents[name] = {member: [first | changed, *others]}
    deployed.tell()
    yield
    deployed.documents[name] = before
    deployed.tell()


@contextmanager
def published(deployed: DeployedCloud, *parts: Part, snapshot: str = SNAPSHOT) -> Iterator[None]:
    """Another pointer."""
    deployed.publish(*parts, snapshot=snapshot)
    yield
    deployed.publish()


@contextmanager
def objects(deployed: DeployedCloud, **bodies: bytes) -> Iterator[None]:
    """Objects that do not belong there."""
    for key, body in bodies.items():
        deployed.put(key, body)
    yield
    deployed.delete(*bodies)
