#!/usr/bin/env bash
# Street crops at 128x64, branched off the studio network at 128x88: render, train, score, export. Stop it at any time; the same command goes on.
# usage: recipes/people-street/run.sh [DATA] [RUNS]        (recipes/people-studio/run.sh must have made RUNS/studio-128)
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:-data}
runs=${2:-runs}
export PATH=$PWD/.venv/bin:$PATH
source recipes/people-studio/settings.sh

posetransfer people street --people 2200 --images 12 --cameras 40 --seed 5 --test 0.09 --pairs 132 "$data/street"
train people-128 "$data/street" "$runs/street" --from "$runs/studio-128" "${STREET[@]}"
score "$runs/street" street "$data/street"
python recipes/people-studio/gallery.py "$runs/street/evaluation/street/model" --data "$data/street" --weights "$runs/street/weights" --out "$runs/street/gallery"
python recipes/export.py people-street "$runs/street" --out "$runs/street/export"
echo "The weights with their card: $runs/street/export (posetransfer transfer --weights $runs/street/export ...)"
