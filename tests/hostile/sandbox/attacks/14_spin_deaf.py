"""Ignores every signal that can be ignored, and spins."""

import signal
import sys

print(sys.argv[1], flush=True)
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
