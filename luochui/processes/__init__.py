"""The long-running processes: one module each, with `main(settings, index)` that blocks until SIGTERM."""
