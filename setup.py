"""Compiles catalogues and the virtual UKey into the wheel; everything else is in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from setuptools import Command, Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build import build
from setuptools.command.build_py import build_py

VUKEY = Path("signing/vukey")
MODULE = VUKEY / "luochui-vukey.so"


class BuildWithCatalogues(build_py):
    """Writes a .mo beside each .po, in the build and never in the source."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for source in Path(self.build_lib).glob("web/locales/*/LC_MESSAGES/*.po"):
            with source.open("rb") as messages, source.with_suffix(".mo").open("wb") as compiled:
                write_mo(compiled, read_po(messages))


class BuildNative(Command):
    """Compiles the virtual UKey, a PKCS#11 module in C: into the wheel, or (editable) into the tree."""

    description = "compile the virtual UKey (needs a C compiler and libssl-dev)"
    user_options: list[tuple[str, str | None, str]] = []  # noqa: RUF012 (setuptools' own form)
    editable_mode = False
    build_lib: str | None = None

    def initialize_options(self) -> None:
        self.build_lib = None

    def finalize_options(self) -> None:
        self.set_undefined_options("build", ("build_lib", "build_lib"))

    def run(self) -> None:
        target = MODULE if self.editable_mode else Path(str(self.build_lib)) / MODULE
        target.parent.mkdir(parents=True, exist_ok=True)
        if subprocess.run(["sh", str(VUKEY / "compile"), str(target)], check=False).returncode == 0:
            return
        told = "the virtual UKey cannot be compiled: it needs a C compiler and libssl-dev"
        if not self.editable_mode:
            raise SystemExit(told)
        print(f"warning: {told}; all else works without it", file=sys.stderr)

    def get_source_files(self) -> list[str]:
        return sorted(str(path) for path in VUKEY.iterdir() if path.suffix != ".so")

    def get_outputs(self) -> list[str]:
        return [str(Path(str(self.build_lib)) / MODULE)]

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class Native(Distribution):
    """One with a shared library in it, which setuptools does not know as an extension of Python."""

    def has_ext_modules(self) -> bool:
        return True


class PlatformWheel(bdist_wheel):
    """For any Python 3, but only for this platform."""

    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2])


build.sub_commands = [*build.sub_commands, ("build_native", None)]
setup(
    distclass=Native,
    cmdclass={"build_py": BuildWithCatalogues, "build_native": BuildNative, "bdist_wheel": PlatformWheel},
)
