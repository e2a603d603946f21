"""Files that an enemy or an accident wrote: log formats, inventory documents, snapshots and pointers."""
