"""Training: the paper's objective, its three networks, and a loop that goes on where it stopped."""
