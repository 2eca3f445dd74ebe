"""A plugin of pytest (`-p tests.faults.vukey_plugin`): tests load the module that VUKEY_UNDER_TEST names."""

import os
from pathlib import Path

import signing.token.profiles

signing.token.profiles.module_path = lambda: Path(os.environ["VUKEY_UNDER_TEST"])
