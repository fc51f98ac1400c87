"""The prefix store: what the frozen first blocks of a backbone make of augmented views, kept for every run."""
