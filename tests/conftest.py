"""What every test shares: a quiet machine."""

import os

# Several workers share the cores, and one thread gives the same sums everywhere; set before numpy or torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
