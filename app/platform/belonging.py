"""How a process ends with the one that started it, however that ends."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def belong_to(main: int) -> None:
    """End when the process `main`, this one's parent, does; Ctrl-C is heard by that alone, and it decides.

    Without it, whatever a killed process had started would live on: a server's worker shares the port with the next.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    os.setpgid(0, 0)  # Ctrl-C goes to the terminal's group
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != main:  # it ended before that was said
        os._exit(1)
