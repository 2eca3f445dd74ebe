"""Pages of oversight and of the person: audit, messages, objections, recovery."""
