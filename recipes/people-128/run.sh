#!/usr/bin/env bash
# The embedded weights: render, train, score, export. Stop it at any time; the same command goes on.
# usage: recipes/people-128/run.sh [DATA] [RUNS] [STREET]
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:-data/studio-train}
runs=${2:-runs}
street=${3:-data/street-test}
run=$runs/people-128
PATH=$PWD/.venv/bin:$PATH

posetransfer people studio --people 2600 --images 12 --seed 1 --whole 1.0 --pairs 132 "$data"
posetransfer people street --people 300 --images 12 --seed 7 --test 0.5 "$street"
posetransfer train people-64 --data "$data" --run "$runs/people-64"
posetransfer train people-128 --data "$data" --run "$run" --from "$runs/people-64"

for set in "studio $data" "street $street"; do
  read -r name folder <<< "$set"
  score=(posetransfer evaluate --weights "$run/weights" --data "$folder" --limit 1000)
  "${score[@]}" --only pixels joints distance appearance -o "$run/evaluation/$name/model" --report
  "${score[@]}" --only pixels joints distance --baseline source -o "$run/evaluation/$name/source"
  "${score[@]}" --only pixels joints distance --baseline mean -o "$run/evaluation/$name/mean"
done

python recipes/export.py people-128 "$run" --out "$run/export"
echo "The weights with their card: $run/export (posetransfer transfer --weights $run/export ...)"
