"""What a process keeps of the memory that a batch gives back: all of it, for the next one.

Each batch takes megabytes and frees them. An allocator that hands them to the system has it clear the same pages again
a second later: page faults took a tenth of a batch's time.
"""

import ctypes
from typing import Final

import pyarrow as pa

# glibc's malloc.h; mallopt(3). 32 MiB is the most that it takes; a batch of 8,000 records holds about 30 MB at once.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_FROM_THE_HEAP: Final = 32 * 1024 * 1024
_KEPT_FREE: Final = 64 * 1024 * 1024


def keep_freed_memory() -> None:
    """Keep up to 64 MiB that were freed, Python's and Arrow's alike. Where the C library is not glibc, nothing is set.

    For processes that serve one batch after another. Arrow's own allocator has no such setting but in the environment.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_MMAP_THRESHOLD, _FROM_THE_HEAP)
    mallopt(_TRIM_THRESHOLD, _KEPT_FREE)
    pa.set_memory_pool(pa.system_memory_pool())
