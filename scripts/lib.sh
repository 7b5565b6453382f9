# SPDX-License-Identifier: MIT
# What the scripts say, and how they stop.
# shellcheck shell=sh

step() { printf '\033[1m==>\033[0m %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
die() {
    printf 'twofold: %s\n' "$*" >&2
    exit 1
}

# Colours only for people.
if [ ! -t 1 ]; then
    step() { printf '==> %s\n' "$*"; }
fi
