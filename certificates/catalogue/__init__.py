"""The catalogue: what every channel offers, at what price, by which rules. Data, versioned, with a schema."""
