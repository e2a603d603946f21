"""Records every call that one of our components makes through botocore, in whichever test.

A component is told by its entry point: a function of ours that is being executed while the call is made. What a test
calls by itself, to prepare or to look, has none and is not recorded. Nor are calls of other processes.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from botocore import handlers

from recorded.actions import needs

# (module, function) → component. In threads of its own a component is told by what runs there.
ENTRY_POINTS: Final = {
    ("enricher.handler", "Environment.handle"): "transform",
    ("enricher.batch", "Pipeline.process"): "transform",
    ("enricher.refresh", "Refresher.run"): "refresher",
    ("enricher.scan", "Scanner.scan"): "refresher",
    ("enricher.scan", "Scanner._read"): "refresher",
    ("deployment.steps", "deploy"): "deployment",
    ("compaction.sweep", "Compactor.sweep"): "compaction",
    ("compaction.second_look", "second_look"): "compaction",
    ("glue.compact", "main"): "compaction",
    ("glue.backfill", "main"): "backfill",
    ("workbench.cloud.crawler", "crawl"): "crawler",
    ("workbench.replay_command", "replay"): "operator",
    ("workbench.backfill_command", "backfill"): "operator",
    ("compaction.backfill_job", "BackfillJob.open"): "backfill",
    ("compaction.backfill_job", "BackfillJob.plan"): "backfill",
    ("compaction.backfill_job", "BackfillJob.run"): "backfill",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call: by whom, which, and the actions it needs on which resources with which condition keys.

    ``actions`` is empty where the table does not know the operation.
    """

    component: str
    service: str
    operation: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: tuple[tuple[str, str], ...]


class Recorder:
    """Distinct calls, from any thread. Made once a process; ``install`` it before the first client is made."""

    def __init__(self) -> None:
        self.calls: set[Call] = set()
        self._lock = Lock()
        self._acting: str | None = None

    @contextmanager
    def acting_as(self, component: str | None) -> Iterator[None]:
        """Whatever is called in the block, the component calls: for steps that its wiring takes; None: nobody."""
        before, self._acting = self._acting, component
        try:
            yield
        finally:
            self._acting = before

    @contextmanager
    def only(self) -> Iterator[set[Call]]:
        """The calls of a block by themselves; afterwards they are among the others."""
        before, self.calls = self.calls, set()
        try:
            yield self.calls
        finally:
            self.calls |= before

    def install(self) -> None:
        """From now on every new botocore session reports its calls here."""
        handlers.BUILTIN_HANDLERS.append(("before-parameter-build", self._record))

    def _record(self, params: Any, model: Any, context: Any, **_: Any) -> None:
        component = self._acting or component_of(sys._getframe(1))  # noqa: SLF001 - the only way to ask who is calling
        if component is None:
            return
        service, operation = model.service_model.service_name, model.name
        found = needs(service, operation, params, str((context or {}).get("client_region")))
        call = Call(component, service, operation, *found)
        with self._lock:
            self.calls.add(call)


def component_of(frame: Any) -> str | None:
    """The component in whose entry point the frame was reached: the innermost."""
    while frame is not None:
        component = ENTRY_POINTS.get((frame.f_globals.get("__name__"), frame.f_code.co_qualname))
        if component is not None:
            return component
        frame = frame.f_back
    return None
