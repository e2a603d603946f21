"""A million delivery records of every kind, each made together with what must become of it."""
