"""The contract that every data set is held to."""
