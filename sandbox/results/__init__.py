"""What a finished run leaves: statistics, dumps of maps, text views."""
