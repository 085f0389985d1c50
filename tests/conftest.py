"""What every test shares: a quiet machine."""

import os

from hypothesis import settings

# Several workers share the cores, and one thread gives the same sums everywhere; set before numpy or torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# `auto` would take the runtime that is fastest on this machine today, and the pictures would differ in their last bits.
os.environ.setdefault("POSETRANSFER_ENGINE", "pytorch")

# A busy machine must not fail a test by its clock; CI tries the same examples every time.
settings.register_profile("posetransfer", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("posetransfer")
