"""Whose things are: projects, teams and environments, and the tags that say so."""

from random import Random

from workbench.estate.distributions import Distributions
from workbench.estate.model import TagMap
from workbench.estate.shares import zipf


class Ownership:
    """Who owns what: projects by popularity, the team of a project, environments by share."""

    def __init__(self, distributions: Distributions, random: Random) -> None:
        """Draw from these distributions with this seeded chance."""
        self._random = random
        self._distributions = distributions
        self._weights = zipf(len(distributions.projects), distributions.project_zipf)

    def tags(self, role: str, *, capital: bool = False) -> TagMap:
        """Four tags of a new owner: Name, project (or Project), team, environment."""
        plan = self._distributions
        project = self._random.choices(plan.projects, self._weights)[0]
        environments = [name for name, _ in plan.environments]
        environment = self._random.choices(environments, [share for _, share in plan.environments])[0]
        return {
            "Name": f"{project}-{role}-{environment}",
            "Project" if capital else "project": project,
            "team": plan.teams[plan.projects.index(project) % len(plan.teams)],
            "environment": environment,
        }
