"""The program ``airflow-integrations``: :func:`airflow_integrations.cli.main`, and Ctrl-C before and after it.

Its own module, because importing the commands takes a tenth of a second in which Ctrl-C would show a stack trace.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # what typing calls so; its import would come before the program hears Ctrl-C

if TYPE_CHECKING:
    import signal
    from types import FrameType
else:
    import _signal as signal  # signal imports enum and collections first, and Ctrl-C within that is a stack trace

__all__ = ["main"]

_INTERRUPTED = 130
"""As :data:`airflow_integrations.cli.command.INTERRUPTED`, which is not imported yet."""


def main() -> int:
    """Run the command that ``sys.argv`` names and return its exit code.

    SIGINT ends the process with 130 at any moment: here before and after the command, by KeyboardInterrupt within it.
    Where SIGINT is ignored, as in a background job of a shell, that stays.
    """
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        signal.signal(signal.SIGINT, _end)
    from airflow_integrations.cli import main as command

    sys.unraisablehook = _unraisable
    try:
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return command()
    except KeyboardInterrupt:  # in the lines around what the command itself guards
        return _INTERRUPTED
    finally:
        if heard:
            signal.signal(signal.SIGINT, _end)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)  # an exception would be a stack trace, of whatever is being imported or cleared away


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    """Python prints and drops what is raised where nothing can catch it, as in the callback of a weak reference, which
    imports have: Ctrl-C there would do nothing."""
    if found.exc_type is KeyboardInterrupt:
        os._exit(_INTERRUPTED)
    sys.__unraisablehook__(found)
