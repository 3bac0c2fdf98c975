"""What all tests share: Ctrl-C is heard, also where they were started in the background by a shell, which makes its children ignore it."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
