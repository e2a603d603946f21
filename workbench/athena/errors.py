"""What can go wrong with a query or a lake. Every message is one line: what, where, the mend."""

from enricher.errors import EnricherError


class QueryError(EnricherError):
    """The SQL, a name in it, a saved query's header, or a parameter is wrong."""


class LakeError(EnricherError):
    """The lake is not there, or one of its files cannot be read."""
