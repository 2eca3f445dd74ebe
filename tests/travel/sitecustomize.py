"""Python imports this by itself where PYTHONPATH names this folder: the trading clock of a process under test.

It runs ahead (or behind) by the seconds that stand in the file TRADING_CLOCK; the book's clock, sessions and keys
keep the real time, as they do where nobody travels.
"""

import os
from pathlib import Path

if file := os.environ.get("TRADING_CLOCK"):
    from office import clock

    clock.utc_now = clock.shifted(Path(file))
