"""OFD (GB/T 33190): writing, sealing, reading and showing."""
