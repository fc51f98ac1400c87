"""One run trained by several processes, each on a share of every batch."""
