"""From what passes leave behind to scores, and back from the files that keep it."""
