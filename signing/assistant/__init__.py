"""The UKey assistant: a program on the person's own computer that shows what is signed and takes the PIN."""
