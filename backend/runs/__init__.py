"""Interactive runs."""
