"""What may go wrong on purpose."""


class DeploymentError(Exception):
    """A step of the deployment could not be done; one line: what, where, the mend."""
