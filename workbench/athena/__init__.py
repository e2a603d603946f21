"""DuckDB as Athena: the saved SQL runs here as it would there, and what the two would answer differently is refused.

In the order a query takes: ``saved`` finds it and binds its parameters, ``lint`` refuses constructs that differ,
``translate`` turns it into DuckDB's SQL, ``engine`` runs it over a lake. ``prices`` writes a view from the price table.
"""
