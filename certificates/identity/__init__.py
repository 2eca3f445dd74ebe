"""Whether people and organizations are who they say: checks from afar, by providers behind one port."""
