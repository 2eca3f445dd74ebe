"""The review desk of the clerks: queue, review, stock of blank UKeys, counter, the day's reckoning."""
