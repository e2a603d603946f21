"""What a run came to, before it is put into words."""

from collections import Counter
from dataclasses import dataclass, field

from accuracy.judge import Tally
from accuracy.parameters import Parameters


@dataclass(slots=True)
class Outcome:
    """What a run came to; ``happened``: counts that prove what occurred in the world."""

    parameters: Parameters
    flows: int = 0
    live: Tally = field(default_factory=Tally)
    after: Tally = field(default_factory=Tally)
    baselines: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
