"""The demonstration's certificate authority. It has no legal standing, and says so in every name.

`port` is what the rest of Luochui asks of it: values and errors. `demonstration` answers; whoever only
asks does not import it, as it brings all that draws seals.
"""
