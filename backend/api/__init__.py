"""Thin routers, one per room."""
