"""The virtual UKey compiles without a warning and loads as a PKCS#11 module (docs/vukey.md: in progress)."""

import os
import subprocess
import sys
from pathlib import Path

SOURCES = sorted((Path(__file__).parents[2] / "signing" / "vukey").glob("*.c"))
FLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-fvisibility=hidden")
STRICT = ("-Wall", "-Wextra", "-Werror")
LOOK = """
import sys, pkcs11
module = pkcs11.lib(sys.argv[1])
print(module.manufacturer_id.strip(), module.cryptoki_version, len(module.get_slots()))
"""


def test_it_compiles_strictly_and_loads_with_no_token_in_an_empty_folder(tmp_path: Path) -> None:
    module = tmp_path / "vukey.so"
    subprocess.run(["gcc", *FLAGS, *STRICT, "-o", module, *SOURCES, "-lcrypto"], check=True, timeout=120)
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    seen = subprocess.run(
        [sys.executable, "-c", LOOK, module],
        env={**os.environ, "LUOCHUI_VUKEY_DIR": str(tokens)},
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert seen.stdout.split() == ["Luochui", "(2,", "40)", "0"]
