#!/bin/sh
# SPDX-License-Identifier: MIT
# sh site.sh VENDOR DIR: the dashboard as httpd serves it, into DIR: the files
# beside this script, VENDOR (what vendor.sh has made) as DIR/vendor, and the
# browser extension's zips as DIR/extension.
# What an older one left in DIR goes. Used by make install and conf/quickstart.
set -eu

[ $# = 2 ] || { sed -n '3,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
[ -e "$1/LICENSES.txt" ] || { echo "site.sh: $1 is not complete" >&2; exit 1; }
mkdir -p -- "$2"
for folder in css extension img pages parts vendor; do rm -rf -- "$2/$folder"; done
for name in index.html manifest.webmanifest app.js css img pages parts; do
    cp -R -- "$here/$name" "$2"
done
cp -R -- "$1" "$2/vendor"
mkdir -- "$2/extension"
perl "$here/../../extension/zips" "$2/extension"
chmod -R u+rwX,go+rX,go-w -- "$2"
