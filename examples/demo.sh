#!/usr/bin/env bash
# The main job on the shipped examples: each line of demo.tsv is one call of `posetransfer transfer`.
# usage: demo.sh POSETRANSFER OUT
set -euo pipefail

command=$1
out=$2
here=$(dirname "$0")
mkdir -p "$out"

# A line: name of the picture, photo, pose (a file of this folder or the name of a shipped pose), further options; separated by tabs.
while IFS=$'\t' read -r name photo pose options; do
    [[ -z $name || $name == \#* ]] && continue
    [[ -e $here/$pose ]] && pose=$here/$pose
    echo "posetransfer transfer $here/$photo --pose $pose -o $out/$name.png --panel ${options:-}"
    # shellcheck disable=SC2086  # the options are words of their own
    "$command" transfer "$here/$photo" --pose "$pose" -o "$out/$name.png" --panel ${options:-} </dev/null
done <"$here/demo.tsv"

echo
echo "The pictures (photo, its pose, the target pose, the result) are in $(cd "$out" && pwd):"
ls "$out"
