"""What Firehose does to CloudWatch Logs records before the Lambda: decompression and message extraction.

https://docs.aws.amazon.com/firehose/latest/dev/writing-with-cloudwatch-logs-decompression.html
https://docs.aws.amazon.com/firehose/latest/dev/Message_extraction.html
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

from workbench.firehose.answers import Failed
from workbench.firehose.settings import Processing

DECOMPRESSION_FAILED = Failed(
    "Decompression failed.",
    "Decompression failed because input data does not conform to cloudwatch log.",
)


def prepare(data: bytes, processing: Processing) -> bytes | Failed:
    """The record as the Lambda receives it.

    Args:
        data: the record as it was put.
        processing: without ``decompression`` the record stays as it is.

    Returns:
        The decompressed JSON byte for byte; or with message extraction every message and LF, of a CONTROL_MESSAGE
        nothing; or why the record is kept under ``decompression-failed``.
    """
    if not processing.decompression:
        return data
    try:
        text = gzip.decompress(data)
        documents = list(_documents(text.decode()))
        return b"".join(map(_messages, documents)) if processing.message_extraction else text
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, AttributeError):
        return DECOMPRESSION_FAILED


def _documents(text: str) -> Iterator[Any]:
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        document, position = decoder.raw_decode(text, position)
        yield document


def _messages(envelope: Any) -> bytes:
    if envelope["messageType"] == "CONTROL_MESSAGE":
        return b""
    if envelope["messageType"] != "DATA_MESSAGE":
        raise ValueError(envelope["messageType"])
    return b"".join(event["message"].encode() + b"\n" for event in envelope["logEvents"])
