"""The one training loop: stages, steps, checkpoints, and going on from them."""
