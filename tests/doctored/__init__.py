"""A deployment in the stand-in cloud, made from the templates, and faults to plant in it."""
