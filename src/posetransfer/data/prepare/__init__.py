"""From the files that users have to a prepared folder (`data/manifest.py`)."""
