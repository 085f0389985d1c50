from types import SimpleNamespace

import numba
import numpy as np

from posetransfer.people.compiled import compiled


def test_where_no_cache_can_be_written_the_function_is_compiled_without(monkeypatch):
    def nowhere(*, cache: bool, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(cache=cache, **options)

    monkeypatch.setattr("posetransfer.people.compiled.numba", SimpleNamespace(njit=nowhere))

    @compiled(fastmath=False)
    def total(values):
        out = 0.0
        for i in range(len(values)):
            out += values[i]
        return out

    assert total(np.arange(5.0)) == 10
    assert total.signatures  # machine code, not Python
