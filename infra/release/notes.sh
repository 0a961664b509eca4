#!/bin/sh
# Prints the chapter of a version in CHANGELOG.md, without its headline.
#
#     notes.sh VERSION
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
awk -v version="$1" '
    /^## / { found = ($2 == version); next }
    found { text = text $0 "\n" }
    END { sub(/^\n+/, "", text); sub(/\n+$/, "", text); if (text != "") print text }
' "${CHANGELOG:-$root/CHANGELOG.md}"
