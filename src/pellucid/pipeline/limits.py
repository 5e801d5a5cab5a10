# SPDX-License-Identifier: BSD-3-Clause
"""How a job that takes too long is ended: by a signal, or together with the process it runs in."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from pellucid.errors import IntermittentError

__all__ = ["Limiter", "by_exit", "by_signal", "timed_out"]

type Limiter = Callable[[str, float], AbstractContextManager[None]]
"""Given the name of a step and the seconds it may take (0 for any), ends what takes longer inside of it."""


@contextmanager
def by_signal(step: str, seconds: float) -> Iterator[None]:
    """End a job that takes too long; only where signals reach, which is the main thread.

    Raises
    ------
    IntermittentError
        It took longer (``step-timeout``).
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise timed_out(step, seconds)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def by_exit(step: str, seconds: float) -> Iterator[None]:
    """End the process in which a job takes too long, since no thread can end another."""
    if not seconds:
        yield
        return
    watchdog = threading.Timer(seconds, os._exit, (124,))
    watchdog.name = f"limit of {step}"
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def timed_out(step: str, seconds: float) -> IntermittentError:
    """Return the error of a job that took longer than it may."""
    return IntermittentError(
        f"The step '{step}' took longer than it may.",
        where=f"step {step}",
        expected=f"at most {seconds:g} s",
        mend="raise levels.<level>.limit if it really needs longer, else report it to the step's author",
        code="step-timeout",
    )
