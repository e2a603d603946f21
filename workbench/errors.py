"""What ends a command with exit code 2: one line that names the culprit and the mend."""

from enricher.errors import EnricherError


class UsageError(EnricherError):
    """An option, a file or a lake is not what the command needs."""
