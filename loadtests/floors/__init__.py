"""What the machine can do at all: the numbers that the platform's are held against, from the same run."""
