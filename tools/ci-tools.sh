#!/usr/bin/env bash
# What the tests of examples/ need beside Python: Chromium, and the npm packages of both folders. Safe to run again.
# It never fails: where something is not to be had (no network, no rights), it says so, and those tests are skipped.
set -uo pipefail
cd "$(dirname "$0")/.."

have() { command -v "$1" >/dev/null; }

try() { # seconds, command
    local log
    log=$(mktemp)
    timeout "$1" "${@:2}" >"$log" 2>&1 </dev/null || echo "ci-tools: \`${*:2}\` failed: $(grep -v 'complete log' "$log" | tail -n 1)" >&2
    rm -f "$log"
}

if ! have chromium && ! have chromium-browser && ! have google-chrome; then
    if have apt-get && [[ $(id -u) == 0 ]]; then
        try 300 apt-get update -q
        try 600 env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium
    else
        echo "ci-tools: no Chromium; as root of a Debian this script installs it" >&2
    fi
fi

for folder in examples/node examples/browser; do
    done="$folder/node_modules/.package-lock.json" # npm writes it last
    if ! have npm; then
        echo "ci-tools: no npm; $folder stays without its packages" >&2
    elif [[ ! $done -nt $folder/package-lock.json ]]; then
        try 300 npm ci --prefix "$folder" --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=1000
    fi
done
exit 0
