#!/usr/bin/env bash
# Whole figures at 256x176, the default weights: render, train from small to large, score, draw, export. Stop it at any time; the same
# command goes on. Two cores with bfloat16 need about half a day; a GPU is taken if torch sees one (not measured).
# usage: recipes/people-studio/run.sh [DATA] [RUNS] [PHOTOS]     PHOTOS: a collection for real.py, left out if not given
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:-data/studio}
runs=${2:-runs}
photos=${3:-}
run=$runs/people-studio
PATH=$PWD/.venv/bin:$PATH
source recipes/people-studio/settings.sh

posetransfer people studio --people 2300 --images 12 --seed 2 --whole 1.0 --same-scene 0.9 --pairs 132 "$data"
posetransfer people studio --people 145 --images 12 --seed 3 --whole 1.0 --same-scene 0.9 --pairs 132 --test 0.9 "$data-test"

style=(--loss.gram-weight 1 --loss.gram-inside --loss.parts-weight 1)
train people-64 "$data" "$run/64" --training.generator-lr 1e-3 --training.steps 1100 --training.constant-steps 1100 --training.seed 1
train people-128 "$data" "$run/128" --from "$run/64" --training.generator-lr 1e-3 --training.steps 4000 --training.constant-steps 4000 \
    --training.seed 2 "${style[@]}"
large=(--model.size 256 176 --model.sigma 6 --training.batch 8 --training.generator-lr 7e-4 "${style[@]}" --loss.moments-weight 16
    --augmentation.target-error 0 --augmentation.joint-jitter 0)
train people-128 "$data" "$run/256" --from "$run/128" "${large[@]}" --training.steps 2000 --training.constant-steps 2000 --training.seed 3
train people-128 "$data" "$run" --from "$run/256" "${large[@]}" --training.steps 2000 --training.constant-steps 950 --training.decay-epochs 22 \
    --training.seed 4 --loss.contrast-weight 0.7 --training.freeze-norms

unset OMP_PROC_BIND # what a bound process starts has one core
score() { posetransfer evaluate --weights "$run/weights" --data "$data-test" "$@"; }
score --limit 1000 --only pixels joints distance appearance -o "$run/evaluation/studio/model" --report
score --limit 1000 --only pixels joints distance --baseline source -o "$run/evaluation/studio/source"
score --limit 1000 --only pixels joints distance --baseline mean -o "$run/evaluation/studio/mean"
python recipes/people-studio/gallery.py "$run/evaluation/studio/model" --data "$data-test" --weights "$run/weights" --out "$run/gallery" --ending jpg
if [ -n "$photos" ]; then python recipes/people-studio/real.py "$photos" --weights "$run/weights" --out "$run/real"; fi

python recipes/export.py people-studio "$run" --out "$run/export"
echo "The weights with their card: $run/export (posetransfer transfer --weights $run/export ...)"
