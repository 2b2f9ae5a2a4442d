#!/bin/sh
# The main job on the shipped knowledge base; every line is a command a user can type.
set -e
run() { printf '\n$ %s\n' "$*"; "$@"; }
run tmkb devices
run tmkb check --fail-on never > "${TMPDIR:-/tmp}/tmkb-demo-check.txt"
sed -n '1,60p' "${TMPDIR:-/tmp}/tmkb-demo-check.txt"
