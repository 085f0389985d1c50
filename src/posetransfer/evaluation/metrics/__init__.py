"""The scores: one file each, a pure function and, where the score is not a mean over pairs, its streaming state."""
