"""The top of Luochui: command line, settings, embedded services, composition. No rules live here."""

__version__ = "0.1.0"
