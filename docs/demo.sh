#!/bin/sh
# The main job on the shipped knowledge base; every line after a $ is a command a user can type.
set -e
run() { printf '\n$ %s\n' "$*"; "$@"; }
shown() { printf '\n$ %s | head -n %s\n' "$2" "$1"; $2 > "$LOG"; head -n "$1" "$LOG"; }
LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT

run tmkb devices
shown 40 "tmkb check --fail-on never"
shown 45 "tmkb threats"
run tmkb query threats-by-stride-and-family
shown 20 "tmkb same-weakness --component NetworkStack"
shown 60 "tmkb risk"
shown 60 "tmkb safety"
THREAT=$(tmkb threats --device insulin-pump --format json 2> "$LOG" | python3 -c 'import json,sys
rows = [r for r in json.load(sys.stdin) if any(c["decides"] for c in r["controls"])]
print(max(rows, key=lambda r: (len(r["advisories"]), len(r["controls"]), r["id"]))["id"])')
run tmkb why "$THREAT"
