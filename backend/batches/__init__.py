"""Batches: sweeps that the service runs; the database owns what they came to."""
