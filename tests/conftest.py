"""What holds for every test."""

import signal

# A shell starts its background jobs with Ctrl-C ignored, and what they start inherits that: the
# tests that interrupt a command would then wait for nothing.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
