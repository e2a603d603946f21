"""Which calls of AWS our components make while tests run, and whether their roles allow them.

``calls`` (recording) → ``actions`` (what a call needs) → ``verdict`` (does the deployed role allow it, by the policies
of the stand-in cloud); ``plugin`` fails the run on a call that is not allowed.
"""
