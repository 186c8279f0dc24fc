"""BLAS on one thread while an answer is made, and as the process had it afterwards, whoever asks at once."""

import threading

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from textlstm.nn.one_thread import one_thread


def threads() -> set[int]:
    return {library.num_threads for library in ThreadpoolController().lib_controllers if library.user_api == "blas"}


def test_one_thread_inside_and_the_former_number_after() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_thread():
            assert threads() == {1}
            with one_thread():
                assert threads() == {1}
            assert threads() == {1}
        assert threads() == before
        with pytest.raises(ValueError, match="broken"), one_thread():
            raise ValueError("broken")
        assert threads() == before


def test_of_two_that_ask_at_once_neither_takes_the_others_setting_for_the_processs_own() -> None:
    begun, left = threading.Event(), threading.Event()

    def ask() -> None:
        with one_thread():
            begun.set()
            left.wait(10)

    other = threading.Thread(target=ask)
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_thread():
            other.start()
            assert begun.wait(10)
            assert threads() == {1}
        left.set()
        other.join()
        assert threads() == before
