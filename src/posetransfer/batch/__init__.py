"""Many photos in many poses: found, shared out, read, painted and written side by side; stopped and taken up again.

inputs      a folder, file, glob, clip or list -> named photos and poses
jobs        which photo takes which pose, and which part of them this process does
journal     what is finished, and under which settings
belt        bounded queues between threads
size        how many pictures go through the network at once
run         the three stages: look, paint, write
report      report.json and the contact sheet
"""

from posetransfer.batch.inputs import Item, find_photos, find_poses
from posetransfer.batch.jobs import Job, cross, listed, shard_of_environment, share
from posetransfer.batch.journal import Journal, refuse_foreign
from posetransfer.batch.report import write_report
from posetransfer.batch.run import Batch, Options, Summary

__all__ = [
    "Batch",
    "Item",
    "Job",
    "Journal",
    "Options",
    "Summary",
    "cross",
    "find_photos",
    "find_poses",
    "listed",
    "refuse_foreign",
    "shard_of_environment",
    "share",
    "write_report",
]
