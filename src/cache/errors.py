"""The one failure a loader may declare."""


class LoadError(Exception):
    """The source could not be asked: nothing was learnt about any key.

    A cache takes it as a value (stale or unresolved answers); every other exception of a loader is a defect and
    passes through.
    """
