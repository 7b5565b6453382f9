#!/bin/sh
# SPDX-License-Identifier: MIT
# tidy-file.sh PRESET FILE FLAG...: clang-tidy over one file as the preset compiles it, unless it
# was content with the same before: the file, its headers, the flags, the compiler's, the settings
# and TIDY_KEY, which stands for clang-tidy.
set -eu
cd "$(dirname "$0")/.."
preset=$1
file=$2
stamp=build/results/tidy/$preset/$file.ok

# The command stands on the line before the file, in JSON's quotes; without its output it can list
# what the file includes.
command=$(grep -m 1 -B 1 -F "\"file\": \"$PWD/$file\"" "build/$preset/compile_commands.json" |
    sed -n 's/^ *"command": "\(.*\)",$/\1/p' | sed 's/\\\(.\)/\1/g; s/ -o [^ ]* -c / /')
headers=$(eval "$command -MM" | sed 's/^[^:]*://; s/\\$//')
# shellcheck disable=SC2086
key=$({ echo "$TIDY_KEY $* $command" && cat $headers &&
    clang-tidy --dump-config "$file" --; } | sha256sum)

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$key" ]; then
    shift 2
    clang-tidy --quiet -p "build/$preset" "$@" "$file" 2>/dev/null || {
        echo "^ $file"
        exit 1
    }
    mkdir -p "$(dirname "$stamp")"
    echo "$key" >"$stamp"
fi
