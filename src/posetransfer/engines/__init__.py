"""The runtimes that compute the network; importing this loads none of them."""

from posetransfer.engines.engine import RUNTIMES, Engine, Explanation, Precision, open_engine

__all__ = ["RUNTIMES", "Engine", "Explanation", "Precision", "open_engine"]
