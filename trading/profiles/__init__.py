"""Rule profiles: every number of the workflow, versioned, by class of asset and method of sale."""
