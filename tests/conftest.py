"""What all tests share: how long an example takes is the machine's business, not the property's."""

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
