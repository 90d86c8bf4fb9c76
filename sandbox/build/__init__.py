"""From a scenario model and program texts to a core that is ready to run."""
