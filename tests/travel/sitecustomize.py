"""Python imports this by itself where PYTHONPATH names this folder: the trading clock of a tested process.

It runs ahead (or behind) by the seconds that stand in the file TRADING_CLOCK, as in a demonstration; the
book's clock, sessions, seals and keys keep the real time.
"""

import os
from pathlib import Path

if file := os.environ.get("TRADING_CLOCK"):
    from luochui.processes import wiring
    from office.clock import shifted

    travelling = shifted(Path(file))
    wiring.clock_of = lambda settings: travelling
