"""Sweeps: one scenario run with many programs, parameters and seeds, one row of numbers a point."""
