"""Market subjects over the pages: registering, the profile with its history, its check, operators."""
