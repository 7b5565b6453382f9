#!/bin/sh
# SPDX-License-Identifier: MIT
# web.sh [--tests|--try]: makes the page of `twofold report`, build/web/report.html, and what the command has of it,
# with packages that npm fetches into build/web; --tests fetches those of the page's tests, too. Does
# nothing, and needs neither network nor npm, when everything is there. With --try, not to have the page
# is no failure: the command does all else without it.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

source=tools/report/web
web=build/web
log=build/results/web.log
mkdir -p "$web" build/results

if [ "${1:-}" = --try ]; then
    "$0" || note "without its page, \`twofold report\` can only write JSON"
    exit 0
fi

# Where esbuild was fetched for another machine or another list of packages, it is fetched again.
wanted=$({ uname -sm && cat "$source/package.json" "$source/package-lock.json"; } | sha256sum)
has() { # FILE TEXT
    [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}
fetch() { # STAMP OPTION...
    stamp=$web/$1
    shift
    ! has "$stamp" "$wanted" || [ ! -d "$web/node_modules" ] || return 0
    scripts/setup.sh web
    node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' ||
        die "the page of \`twofold report\` needs Node.js 18 or later, not $(node --version)"
    step "fetching packages for the page of twofold report"
    cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$web/"
    rm -f "$web"/fetched*
    (cd "$web" && npm ci "$@") >"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        die "npm could not fetch what $source/package.json names; see $log"
    }
    echo "$wanted" >"$stamp"
}

made=$({ echo "$wanted" && cat "$source/index.html" "$source/style.css" "$source/build.mjs" "$source"/src/*.js; } | sha256sum)
if [ "${1:-}" = --tests ]; then
    fetch fetched-tests
fi
if ! has "$web/made" "$made" || [ ! -s "$web/report_page.inc" ]; then
    [ -f "$web/fetched-tests" ] || fetch fetched --omit=dev
    step "making the page of twofold report"
    NODE_PATH=$PWD/$web/node_modules node "$source/build.mjs" "$web" >"$log" 2>&1 || {
        cat "$log" >&2
        die "the page of \`twofold report\` could not be made"
    }
    echo "$made" >"$web/made"
fi
