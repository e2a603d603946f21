"""What a person runs: the `vpcflow` command, the local stand-in cloud, DuckDB as Athena."""
