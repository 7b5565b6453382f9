#!/bin/sh
# SPDX-License-Identifier: MIT
# web.sh [--tests]: makes the page of `twofold report`, build/web/report.html, and what the command has of it,
# with packages that npm fetches into build/web; --tests fetches those of the page's tests, too. Does
# nothing, and needs no network, when everything is there.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

source=tools/report/web
web=build/web
log=build/results/web.log
mkdir -p "$web" build/results

for program in node npm sha256sum; do
    command -v "$program" >/dev/null 2>&1 || die "the page of \`twofold report\` is made with $program, which is missing"
done
node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' ||
    die "the page of \`twofold report\` needs Node.js 18 or later, not $(node --version)"

# Where esbuild was fetched for another machine or another list of packages, it is fetched again.
wanted=$({ uname -sm && cat "$source/package.json" "$source/package-lock.json"; } | sha256sum)
fetch() { # STAMP SIGN OPTION...
    stamp=$web/$1
    sign=$web/node_modules/$2
    shift 2
    [ ! -e "$sign" ] || [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ] || return 0
    step "fetching packages for the page"
    cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$web/"
    rm -f "$web"/fetched*
    (cd "$web" && npm ci "$@") >"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        die "npm could not fetch what $source/package.json names; see $log"
    }
    echo "$wanted" >"$stamp"
}
if [ "${1:-}" = --tests ]; then
    fetch fetched-tests playwright-core/package.json
    cp "$web/fetched-tests" "$web/fetched"
else
    fetch fetched esbuild/package.json --omit=dev
fi

made=$(cat "$web/fetched" "$source/index.html" "$source/style.css" "$source/build.mjs" "$source"/src/*.js | sha256sum)
if [ ! -s "$web/report_page.inc" ] || [ ! -f "$web/made" ] || [ "$(cat "$web/made")" != "$made" ]; then
    step "making the page of twofold report"
    NODE_PATH=$PWD/$web/node_modules node "$source/build.mjs" "$web" >"$log" 2>&1 || {
        cat "$log" >&2
        die "the page could not be made"
    }
    echo "$made" >"$web/made"
fi
