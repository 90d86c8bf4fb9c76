"""tc(8) command lines: words with places, then commands of the scenario model."""
