#!/bin/sh
# Says whether this commit can become the release VERSION. Prints every reason against it.
#
#     check.sh VERSION
set -eu
version=${1:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
faults=0
fault() {
    echo "release: $1" >&2
    faults=$((faults + 1))
}

echo "$version" | grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?' ||
    fault "VERSION is a number such as 0.2.0, as in make release VERSION=0.2.0, and not '$version'."
ours=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
[ "$version" = "$ours" ] ||
    fault "The version of Cargo.toml is $ours. Write $version into its one line below [workspace.package]."
[ -n "$(infra/release/notes.sh "$version")" ] ||
    fault "CHANGELOG.md has no chapter '## $version — DATE'. Name the chapter Unreleased so."
[ -z "$(git status --porcelain)" ] ||
    fault "There are changes that no commit has. A release is built of a commit."
[ "$faults" -eq 0 ]
