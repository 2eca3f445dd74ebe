"""The pages: Starlette application, templates, static files, sign-in, roles."""
