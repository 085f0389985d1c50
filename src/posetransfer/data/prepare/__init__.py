"""From the files that users have to a prepared folder (`data/manifest.py`): plan first, then `prepare`."""

from posetransfer.data.prepare.deepfashion import plan_deepfashion
from posetransfer.data.prepare.folder import plan_folder
from posetransfer.data.prepare.market1501 import plan_market1501
from posetransfer.data.prepare.plan import Plan
from posetransfer.data.prepare.run import Options, prepare

__all__ = ["Options", "Plan", "plan_deepfashion", "plan_folder", "plan_market1501", "prepare"]
