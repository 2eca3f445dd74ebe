"""`python -m luochui` is the `luochui` command."""

from luochui.cli import app

if __name__ == "__main__":
    app()
