"""Data sets: from the files that users have (`prepare/`) over the prepared folder (`manifest`) to batches (`pairs`)."""
