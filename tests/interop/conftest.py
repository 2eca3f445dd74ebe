"""BouncyCastle as a second opinion: our small verifiers on it, compiled once per run."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

JARS = [Path("/usr/share/java") / f"{name}.jar" for name in ("bcprov", "bcpkix", "bcutil")]
HERE = Path(__file__).parent
BRIEFLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For a program that runs a second: nothing is compiled twice, and no threads collect garbage."""

Verifier = Callable[..., tuple[bool, str]]


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Verifier]:
    """By the name of a class in this folder: a function that writes bytes to files, runs the class with them,
    and tells (holds, what was printed)."""
    if not shutil.which("java") or not shutil.which("javac"):
        pytest.skip("no Java (Debian: default-jdk-headless)")
    if missing := [jar.name for jar in JARS if not jar.exists()]:
        pytest.skip(f"no {', '.join(missing)} (Debian: libbcprov-java libbcpkix-java)")
    folder = tmp_path_factory.mktemp("interop")
    path = ":".join(map(str, [*JARS, folder]))
    subprocess.run(
        [
            "javac",
            *(f"-J{option}" for option in BRIEFLY),
            "-encoding",
            "UTF-8",
            "-cp",
            path,
            "-d",
            folder,
            *HERE.glob("*.java"),
        ],
        check=True,
        timeout=100,
    )

    def program(name: str) -> Verifier:
        def verify(kind: str, *inputs: bytes | str) -> tuple[bool, str]:
            words = []
            for number, given in enumerate(inputs):
                if isinstance(given, bytes):
                    (folder / str(number)).write_bytes(given)
                words.append(str(folder / str(number)) if isinstance(given, bytes) else given)
            encoding = ("-Dstdout.encoding=UTF-8", "-Dfile.encoding=UTF-8")
            command = ["java", *BRIEFLY, *encoding, "-cp", path, name, kind]
            done = subprocess.run(
                [*command, *words], capture_output=True, encoding="utf-8", timeout=60, check=False
            )
            return done.returncode == 0, done.stdout + done.stderr

        return verify

    return program


@pytest.fixture(scope="session")
def bouncycastle(java: Callable[[str], Verifier]) -> Verifier:
    """Verify.java."""
    return java("Verify")
