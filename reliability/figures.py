"""What a check found: named figures, each with what it must be, as lines that people and scripts read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_SAYS: Final = {"==": "exactly", "<=": "at most", ">=": "at least"}
_HOLDS: Final[dict[str, Callable[[float, float], bool]]] = {
    "==": lambda value, bound: value == bound,
    "<=": lambda value, bound: value <= bound,
    ">=": lambda value, bound: value >= bound,
}


@dataclass(frozen=True, slots=True)
class Figure:
    """``name value unit``, what it means, and the bound it must keep (none: told for its own sake)."""

    name: str
    value: float
    unit: str
    meaning: str
    relation: str | None = None
    bound: float = 0

    @property
    def is_met(self) -> bool:
        """Whether the bound holds."""
        return self.relation is None or _HOLDS[self.relation](self.value, self.bound)

    @property
    def target(self) -> str:
        """The bound in words; empty without one."""
        return "" if self.relation is None else f"{_SAYS[self.relation]} {self.bound:,g}"

    @property
    def shown(self) -> str:
        """The value as people read it: whole numbers whole."""
        return f"{self.value:,.0f}" if float(self.value).is_integer() else f"{self.value:,.3f}"

    def __str__(self) -> str:
        verdict = "" if self.relation is None else f"  ({self.target}: {'met' if self.is_met else 'MISSED'})"
        return f"{self.name} {self.shown} {self.unit}{verdict}  {self.meaning}"
