"""What can go wrong that is not a data problem.

    EnricherError
    ├── SettingsError       a setting or option is missing or contradicts another
    ├── LogFormatError      no usable log format
    ├── EventError          the Firehose event itself cannot be read
    ├── BatchTooLargeError  the batch inflates beyond what the function may hold
    ├── InventoryError      an inventory file or snapshot is not what it says
    └── InputError          a file of flow logs, or where one should be, is not what it should be

Bad lines are not here: they are values (rejects). Every message is one line: what, where, the mend.
"""

from typing import Final

_LONGEST: Final = 1_500  # characters of a message; a key of S3 may have 1,024


class EnricherError(Exception):
    """Base of all errors this project raises on purpose."""


class SettingsError(EnricherError):
    """A setting or option is missing, malformed or contradicts another."""


class LogFormatError(EnricherError):
    """A log format is empty, malformed, repeats a field, or cannot be told from another."""


class EventError(EnricherError):
    """The event is not a Firehose transformation event."""


class BatchTooLargeError(EnricherError):
    """The batch inflates beyond the bound; Firehose keeps the raw batch."""


class InventoryError(EnricherError):
    """An inventory file or snapshot is not what it says; of what it quotes of one, what can be shown in one line."""

    def __init__(self, message: str) -> None:
        shown = "".join(character if character.isprintable() else "?" for character in message)
        super().__init__(shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST // 2]}…{shown[-_LONGEST // 2 :]}")


class InputError(EnricherError):
    """A file of flow logs cannot be read, or does not tell what has to be known of it."""
