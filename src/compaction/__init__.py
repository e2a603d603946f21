"""What Glue runs beside the functions' core: compaction, replay and backfill."""
