"""What every test shares: a quiet machine."""

import os

from hypothesis import settings

# Several workers share the cores, and one thread gives the same sums everywhere; set before numpy or torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine must not fail a test by its clock; CI tries the same examples every time.
settings.register_profile("posetransfer", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("posetransfer")
