"""Linear algebra on one thread while an answer is made: matrices this small are multiplied more slowly by several.

The setting is the process's own, so of several threads that ask at once the first makes it and gives it back when it is
done, and the others leave it alone.
"""

import contextlib
import functools
import threading
from collections.abc import Iterator

from threadpoolctl import ThreadpoolController

_limiting = threading.Lock()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Meanwhile BLAS uses one thread, afterwards as many as before; for a block (`with`) or a function (a decorator)."""
    if not _limiting.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _limiting.release()


@functools.cache
def _controller() -> ThreadpoolController:
    """Of the libraries that are loaded when it is first asked for: numpy's, which makes the answers, is among them."""
    return ThreadpoolController()
