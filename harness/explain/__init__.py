"""One image through one trained run: what it answers, and the evidence, as a page."""
