"""What a process keeps of the memory that a batch gives back."""

import subprocess
import sys

TAKE_AND_FREE = """
import resource, sys
import pyarrow as pa
from enricher.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def take(size):
    return b"x" * size, b"y" * size, pa.repeat(1, size // 8), pa.repeat(2, size // 8)
for _ in range(10):
    take(8_000_000)
before = faults()
for _ in range(20):
    take(8_000_000)
print(faults() - before)
"""


def page_faults(how: str) -> int:
    """Pages that the system had to clear while 20 batches' worth of buffers came and went."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", TAKE_AND_FREE, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_memory_that_was_freed_is_used_again_without_asking_the_system():
    """32 MB a batch are 8,000 pages; kept, they are the same pages nearly each time."""
    assert 5 * page_faults("kept") < page_faults("as it is")
