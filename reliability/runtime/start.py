"""The function's process: `python -I -S -B start.py TREE CLIENT HANDLER LIMIT_BYTES GROUP`.

Puts itself under the memory limit, makes the artefact and AWS's runtime client importable and nothing else, and hands
over to the client. It knows nothing of this repository, which is out of its reach.
"""

import os
import resource
import sys
from importlib import import_module


def main(tree: str, client: str, handler: str, limit_bytes: str, group: str) -> None:
    """Never returns, except by the client's own end."""
    if group:
        with open(group, "w", encoding="ascii") as processes:  # noqa: PTH123 - nothing is imported that is not needed
            processes.write(str(os.getpid()))
    else:
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit_bytes), int(limit_bytes)))
    sys.path[:0] = [tree, client]
    import_module("awslambdaric.__main__").main(["bootstrap", handler])


main(*sys.argv[1:])
