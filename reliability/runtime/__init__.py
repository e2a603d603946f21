"""The function in AWS's own runtime client, from the built artefact: a process of its own, as Lambda runs it."""
