"""UKeys over PKCS#11: device profiles, one worker process per operation, and the virtual UKey."""
