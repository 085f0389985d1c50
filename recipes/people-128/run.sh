#!/usr/bin/env bash
# The embedded weights: render, train, score, export. Stop it at any time; the same command goes on.
# usage: recipes/people-128/run.sh [DATA] [RUNS]
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:-data/studio-train}
runs=${2:-runs}
run=$runs/people-128
PATH=$PWD/.venv/bin:$PATH

posetransfer people studio --people 2600 --images 12 --seed 1 --whole 1.0 --pairs 132 "$data"
posetransfer train people-64 --data "$data" --run "$runs/people-64"
posetransfer train people-128 --data "$data" --run "$run" --from "$runs/people-64"

score=(posetransfer evaluate --weights "$run/weights" --data "$data" --limit 1000 --only pixels joints)
"${score[@]}" -o "$run/evaluation/model" --report
"${score[@]}" --baseline source -o "$run/evaluation/source"
"${score[@]}" --baseline mean -o "$run/evaluation/mean"

python recipes/people-128/export.py "$run" --out "$run/export"
echo "The weights with their card: $run/export (posetransfer transfer --weights $run/export ...)"
