"""What holds for every test."""

from hypothesis import settings

# How long an example takes is the machine's business: where others use it, the bound of 200 ms that is
# Hypothesis's own failed tests that nothing was wrong with. The rest is as the environment has it.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")
