"""Where results are, and what a run leaves there besides its rows."""
