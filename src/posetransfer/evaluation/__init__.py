"""Evaluation: two folders of pictures in, numbers out; each score under the name of its own recipe."""
