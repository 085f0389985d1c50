#!/usr/bin/env bash
# Street crops at 128x64, for re-identification: render, train on from recipes/people-studio, score, draw, export. Stop it at any time;
# the same command goes on.
# usage: recipes/people-street/run.sh [DATA] [RUNS]      after recipes/people-studio/run.sh, at least its stage at 128x88
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:-data/street}
runs=${2:-runs}
run=$runs/people-street
PATH=$PWD/.venv/bin:$PATH
source recipes/people-studio/settings.sh

posetransfer people street --people 2200 --images 12 --seed 5 --cameras 40 --pairs 132 "$data"
posetransfer people street --people 145 --images 12 --seed 6 --test 0.9 "$data-test"

train people-128 "$data" "$run" --from "$runs/people-studio/128" --model.size 128 64 --training.generator-lr 7e-4 --training.steps 650 \
    --training.constant-steps 300 --training.decay-epochs 7 --training.seed 9 --loss.gram-weight 1 --loss.gram-inside --loss.parts-weight 1

unset OMP_PROC_BIND # what a bound process starts has one core
score() { posetransfer evaluate --weights "$run/weights" --data "$data-test" "$@"; }
score --limit 1000 --only pixels joints distance appearance -o "$run/evaluation/street/model" --report
score --limit 1000 --only pixels joints distance --baseline source -o "$run/evaluation/street/source"
score --limit 1000 --only pixels joints distance --baseline mean -o "$run/evaluation/street/mean"
python recipes/people-studio/gallery.py "$run/evaluation/street/model" --data "$data-test" --weights "$run/weights" --out "$run/gallery" --ending jpg

python recipes/export.py people-street "$run" --out "$run/export"
echo "The weights with their card: $run/export (posetransfer transfer --weights $run/export ...)"
