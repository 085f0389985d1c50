#!/usr/bin/env bash
# Whole figures at 256x176: render, train from small to large, score, export. Stop it at any time; the same command goes on.
# usage: recipes/people-studio/run.sh [DATA] [RUNS]        (the folder of real photographs: REAL=..., if there is one)
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:-data}
runs=${2:-runs}
export PATH=$PWD/.venv/bin:$PATH
source recipes/people-studio/settings.sh

posetransfer people studio --people 2300 --images 12 --seed 2 --whole 1.0 --same-scene 0.9 --pairs 132 "$data/studio"
posetransfer people studio --people 130 --images 12 --seed 3 --whole 1.0 --same-scene 0.9 --pairs 132 --test 1.0 "$data/studio-test"

train people-64 "$data/studio" "$runs/studio-64" "${SMALL[@]}"
train people-128 "$data/studio" "$runs/studio-128" --from "$runs/studio-64" "${MIDDLE[@]}"
train people-128 "$data/studio" "$runs/studio-256" --from "$runs/studio-128" "${LARGE[@]}"

run=$runs/studio-256
score "$run" studio "$data/studio-test"
[[ -z ${REAL:-} ]] || python recipes/people-studio/real.py "$REAL" --weights "$run/weights" --out "$run/real"
python recipes/people-studio/gallery.py "$run/evaluation/studio/model" --data "$data/studio-test" --weights "$run/weights" --out "$run/gallery"
python recipes/export.py people-studio "$run" --out "$run/export"
echo "The weights with their card: $run/export (posetransfer transfer --weights $run/export ...)"
