"""The sub-commands of `luochui`: one module each, with `register(app)`."""
