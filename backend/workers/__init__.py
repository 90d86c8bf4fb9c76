"""The zygote, workers and their number."""
