"""The stand-in cloud as a process of its own: ``python -m workbench.cloud --inventory DIR [--port N]``.

Prints its endpoint on one line, then serves until it is interrupted or terminated. Exit code 2: bad input.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from threading import Event

from enricher.errors import EnricherError

from .documents import read_documents
from .local_cloud import DEFAULT_REGION, LocalCloud
from .throttle import Throttle


def main(arguments: list[str] | None = None) -> int:
    """Runs the cloud; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m workbench.cloud", description="AWS on a loopback address.")
    parser.add_argument(
        "--inventory", type=Path, required=True, help="directory of what the AWS CLI prints, one file a call"
    )
    parser.add_argument("--region", default=DEFAULT_REGION, help="where the inventory is (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--throttle", action="store_true", help="limit EC2 requests as AWS does")
    options = parser.parse_args(arguments)
    try:
        documents = read_documents(options.inventory)
        stopped = Event()
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, lambda *_: stopped.set())
        throttle = Throttle(time.monotonic) if options.throttle else None
        with LocalCloud(documents, region=options.region, throttle=throttle, port=options.port) as cloud:
            print(cloud.endpoint, flush=True)
            stopped.wait()
    except (EnricherError, OSError) as error:
        print(f"cloud: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
