"""Machines: what carries out the events of a built network, by interpreting the core or by compiling it."""
