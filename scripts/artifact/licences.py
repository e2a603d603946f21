"""What a package's own metadata says of its licence, as an SPDX expression.

Core metadata (packaging.python.org): ``License-Expression`` since version 2.4, before it a free text in ``License`` and
trove classifiers.
"""

from email.message import Message
from typing import Final

# Free texts and classifiers as packages write them.
_WORDS: Final = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "http://www.apache.org/licenses/license-2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "cc0-1.0 or apache-2.0": "CC0-1.0 OR Apache-2.0",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit": "MIT",
    "mit license": "MIT",
    "mit or afl-2.1": "MIT OR AFL-2.1",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "mpl-2.0": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}


def licence_of(metadata: Message) -> str | None:
    """The licence of a package with this METADATA; None where it tells none that we know.

    Its expression, else its free text, else its classifiers, of which any may be chosen.
    """
    expression = metadata["License-Expression"]
    if expression:
        return str(expression)
    told = _WORDS.get(str(metadata["License"] or "").strip().lower())
    if told is not None:
        return told
    classifiers = [str(line).split(" :: ") for line in metadata.get_all("Classifier") or []]
    named = {_WORDS.get(parts[-1].lower()) for parts in classifiers if parts[0] == "License" and len(parts) > 1}
    known = sorted(name for name in named if name is not None)
    return " OR ".join(known) if known and None not in named else None


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Whether one choice of the expression is made of allowed licences only. Parentheses are left to a person."""
    choices = [choice.split(" AND ") for choice in expression.split(" OR ")]
    return any(allowed.issuperset(choice) for choice in choices)
