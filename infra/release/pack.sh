#!/bin/sh
# Packs what was built into the files of a release. The same input gives the same bytes.
#
#     pack.sh VERSION BUILT OUT
#
# BUILT has, as far as they were built:
#
#     x86_64/latchkey, x86_64/latchkey-deploy, arm64/…  the tool
#     x86_64/functions/NAME/bootstrap, arm64/…         the functions
#     sbom/NAME.cdx.json                               the crates of each program
#
# SOURCE_DATE_EPOCH is the time of every file in the archives.
set -eu
version=$1
built=$(cd "$2" && pwd)
mkdir -p "$3"
out=$(cd "$3" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
: "${SOURCE_DATE_EPOCH:?}"
export TZ=UTC LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
umask 022

# The archive $2 of the folder $1 within the scratch folder.
archive() {
    tar --create --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
        --mode='u=rwX,go=rX' --directory "$scratch" "$1" | gzip -9n > "$out/$2"
}

for processor in x86_64 arm64; do
    if [ -f "$built/$processor/latchkey" ]; then
        name=latchkey-$version-linux-$processor
        mkdir "$scratch/$name"
        cp "$built/$processor/latchkey" "$built/$processor/latchkey-deploy" "$root/LICENSE-APACHE" "$root/LICENSE-MIT" "$root/docs/one-server.md" "$scratch/$name"
        cp -r "$root/infra/server" "$scratch/$name/server"
        archive "$name" "$name.tar.gz"
    fi
    if [ -d "$built/$processor/functions" ]; then
        name=latchkey-$version-aws-$processor
        mkdir -p "$scratch/$name/functions"
        for function in "$built/$processor/functions"/*/bootstrap; do
            "${PYTHON:-python3}" "$root/infra/release/zip_function.py" "$function" \
                "$scratch/$name/functions/$(basename "$(dirname "$function")").zip"
        done
        # `sam deploy` uploads a zip as it is. The only processor is the one of this archive.
        sed -e 's|CodeUri: target/lambda/\(.*\)|CodeUri: functions/\1.zip|' \
            -e "/^  Architecture:/,/AllowedValues/{s/Default: .*/Default: $processor/;s/AllowedValues: .*/AllowedValues: [$processor]/;}" \
            "$root/template.yaml" > "$scratch/$name/template.yaml"
        cp "$root/samconfig.toml" "$root/LICENSE-APACHE" "$root/LICENSE-MIT" "$scratch/$name"
        archive "$name" "$name.tar.gz"
    fi
done
if [ -d "$built/sbom" ]; then
    cp -r "$built/sbom" "$scratch/latchkey-$version-sbom"
    archive "latchkey-$version-sbom" "latchkey-$version-sbom.tar.gz"
fi
"$root/infra/release/notes.sh" "$version" > "$out/NOTES.md"
cd "$out"
rm -f SHA256SUMS
sha256sum -- * > "$scratch/SHA256SUMS"
mv "$scratch/SHA256SUMS" SHA256SUMS
