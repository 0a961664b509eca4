#!/bin/sh
# Tests the scripts of a release in a small form: `make release-test`. Nothing large is built.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() {
    echo "release-test: $1" >&2
    exit 1
}

# The version is one line: every package of the workspace has the workspace's version.
for manifest in "$root"/functions/*/Cargo.toml "$root"/shared/Cargo.toml "$root"/shared/*/Cargo.toml "$root"/infra/*/Cargo.toml; do
    grep -qx 'version.workspace = true' "$manifest" || fail "$manifest has a version of its own"
done

# The notes are the chapter of a version alone.
printf '# Changelog\n\n## Unreleased\n\n- new\n\n## 0.2.0 — 2026-12-01\n\n- two\n\n  more\n\n## 0.1.0 — 2026-11-28\n\n- one\n' > "$scratch/changes"
CHANGELOG=$scratch/changes; export CHANGELOG
[ "$("$here/notes.sh" 0.2.0)" = "$(printf -- '- two\n\n  more')" ] || fail "the notes of 0.2.0 are others"
[ "$("$here/notes.sh" 0.1.0)" = '- one' ] || fail "the notes of the last chapter are others"
[ -z "$("$here/notes.sh" 0.2)" ] || fail "there are notes of a version that does not exist"
unset CHANGELOG

# Every reason against a release is told.
if "$here/check.sh" v9.9.9 2> "$scratch/told"; then fail "v9.9.9 could be released"; fi
for words in 'VERSION is a number' 'The version of Cargo.toml is' 'CHANGELOG.md has no chapter'; do
    grep -q "$words" "$scratch/told" || fail "check.sh does not say: $words"
done

# Programs of two folders have the same bytes. A source in the target folder is named by its whole
# path, which the flags replace.
for place in one two/deeper; do
    package=$scratch/$place/package
    mkdir -p "$package/src"
    printf '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n' > "$package/Cargo.toml"
    cat > "$package/build.rs" <<'END'
fn main() {
    let made = std::path::Path::new(&std::env::var("OUT_DIR").unwrap()).join("made.rs");
    std::fs::write(made, "fn place() -> &'static str { file!() }").unwrap();
}
END
    echo 'include!(concat!(env!("OUT_DIR"), "/made.rs")); fn main() { println!("{}", place()); }' > "$package/src/main.rs"
    (
        root=$package folder=$package/target
        . "$here/flags.sh"
        cargo build --quiet --release --offline --manifest-path "$package/Cargo.toml" --target-dir "$folder"
    )
    ! grep -aq "$scratch" "$package/target/release/small" || fail "a program names the folder that it was built in"
done
"$scratch/one/package/target/release/small" | grep -q '^/target/' || fail "the flags replace no path"
cmp "$scratch/one/package/target/release/small" "$scratch/two/deeper/package/target/release/small" ||
    fail "two folders give two programs"

# Two packings of the same input have the same bytes, whenever and wherever they are made.
for place in one two; do
    for processor in x86_64 arm64; do
        mkdir -p "$scratch/$place/built/$processor/functions/login" "$scratch/$place/built/$processor/functions/verify"
        for program in latchkey latchkey-deploy; do
            echo "$program $processor" > "$scratch/$place/built/$processor/$program"
            chmod 755 "$scratch/$place/built/$processor/$program"
        done
        for function in login verify; do echo "$function" > "$scratch/$place/built/$processor/functions/$function/bootstrap"; done
    done
    mkdir "$scratch/$place/built/sbom"
    echo '{}' > "$scratch/$place/built/sbom/latchkey.cdx.json"
    SOURCE_DATE_EPOCH=1780000000 "$here/pack.sh" 0.1.0 "$scratch/$place/built" "$scratch/$place/out"
    find "$scratch/$place/built" -exec touch --date "2001-01-0${#place} 03:04:05" {} +
    umask 077
done
diff -r "$scratch/one/out" "$scratch/two/out" || fail "two packings differ"
cd "$scratch/one/out"
sha256sum --quiet --check SHA256SUMS || fail "the checksums are others"
[ "$(wc -l < SHA256SUMS)" -eq 6 ] || fail "there are other files than six: $(ls)"

# The archives hold what a person needs, and Lambda can start the functions.
tar -tzf latchkey-0.1.0-linux-x86_64.tar.gz > "$scratch/list"
for file in latchkey latchkey-deploy one-server.md server/latchkey.service LICENSE-MIT; do
    grep -qx "latchkey-0.1.0-linux-x86_64/$file" "$scratch/list" || fail "the archive of the tool has no $file"
done
tar -xzf latchkey-0.1.0-aws-x86_64.tar.gz -C "$scratch"
packed=$scratch/latchkey-0.1.0-aws-x86_64
grep -q 'CodeUri: functions/login.zip' "$packed/template.yaml" || fail "the template names no zip"
! grep -q 'target/lambda' "$packed/template.yaml" || fail "the template names a folder of the build"
[ "$(sed -n '/^  Architecture:/,/AllowedValues/s/.*Default: //p' "$packed/template.yaml")" = x86_64 ] ||
    fail "the template of x86_64 is for another processor"
sed -n '/^  Architecture:/,/AllowedValues/p' "$packed/template.yaml" | grep -qx '    AllowedValues: \[x86_64\]' ||
    fail "the template of x86_64 lets another processor be chosen"
"${PYTHON:-python3}" - "$packed/functions/login.zip" <<'END' || fail "the zip is not one executable bootstrap"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as package:
    [entry] = package.infolist()
    sys.exit(not (entry.filename == "bootstrap" and entry.external_attr >> 16 == 0o100755 and package.read(entry) == b"login\n"))
END
echo "release-test: notes, refusals, two equal builds, two equal packings, six files"
