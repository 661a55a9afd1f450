#!/bin/sh
# SPDX-License-Identifier: MIT
# sh vendor.sh DIR: the libraries the dashboard uses, into DIR.
# npm takes them as package-lock.json names them (contents checked by their
# hashes, no scripts run); of each we copy the files a browser loads, as they
# are. Nothing is rewritten: each of these files imports relative paths or
# nothing. A release's tarball has them already, beside this script: then they
# are copied, and nothing is asked of the network.
set -eu

[ $# = 1 ] || { sed -n '3,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
ready=$here/vendor/LICENSES.txt
if [ -e "$ready" ] && [ "$ready" -nt "$here/package-lock.json" ]; then
    mkdir -p -- "$1"
    [ "$(CDPATH= cd -- "$1" && pwd -P)" = "$here/vendor" ] ||
        cp -pR -- "$here/vendor/." "$1"
    exit 0
fi
command -v npm >/dev/null || {
    echo "vendor.sh: the dashboard needs npm: apt-get install npm," \
        "or configure --without-dashboard" >&2
    exit 1
}
mkdir -p -- "$1"
out=$(CDPATH= cd -- "$1" && pwd -P)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM

cp -- "$here/package.json" "$here/package-lock.json" "$work"
cd "$work"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
    >npm.log 2>&1 || {
    cat npm.log >&2
    echo "vendor.sh: npm could not get the dashboard's libraries" >&2
    exit 1
}

copy() { # package, its folder here, files...
    package=$1 to=$out/$2
    shift 2
    for file in "$@"; do
        case $file in
        directives/*) mkdir -p "$to/directives"; name=$file ;;
        *) mkdir -p "$to"; name=${file##*/} ;;
        esac
        # source maps are not shipped, so nothing should ask for them
        sed '/^\/\/# sourceMappingURL=/d' "node_modules/$package/$file" \
            >"$to/$name"
    done
}
copy @picocss/pico pico css/pico.min.css
copy lit-html lit-html lit-html.js directive.js directive-helpers.js \
    async-directive.js directives/class-map.js directives/keyed.js \
    directives/live.js directives/ref.js directives/repeat.js
copy chart.js chart dist/chart.umd.min.js
copy chartjs-chart-geo chart build/index.umd.min.js
mv "$out/chart/index.umd.min.js" "$out/chart/geo.umd.min.js"
copy world-atlas atlas countries-110m.json
copy uqr uqr dist/index.mjs
mv "$out/uqr/index.mjs" "$out/uqr/uqr.js"

# The licences of all that came, also of what the bundles hold. Last: its time
# says that the rest is there.
for package in $(cd node_modules && ls -d */ @*/*/ | sed 's|/$||'); do
    case $package in @types | @types/* | @kurkle | @picocss) continue ;; esac
    printf '== %s %s\n\n' "$package" "$(sed -n \
        's/^ *"version": "\(.*\)",*$/\1/p' "node_modules/$package/package.json")"
    cat node_modules/"$package"/LICEN[CS]E* 2>/dev/null ||
        sed -n 's/^ *"license"/license/p' "node_modules/$package/package.json"
    echo
done >"$out/LICENSES.txt"
