"""``make check``: the promises of what is never lost, doubled or let in, as figures (docs/reliability.md)."""
