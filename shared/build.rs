//! Compiles the lists of common passwords and words into the set in which the program looks
//! passwords up.

use std::{collections::BTreeSet, env, error::Error, fs, path::Path};

#[path = "src/password/skeleton.rs"]
mod skeleton;

const PASSWORDS: &str = "common-passwords.txt";
const WORDS: &str = "common-words.txt";

fn main() -> Result<(), Box<dyn Error>> {
    for input in [PASSWORDS, WORDS, "src/password/skeleton.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let passwords = fs::read_to_string(PASSWORDS)?;
    let words = fs::read_to_string(WORDS)?;
    let mut entries: BTreeSet<String> = words.lines().map(skeleton::skeleton).collect();
    for password in passwords.lines() {
        entries.insert(skeleton::skeleton(password));
        entries.extend(skeleton::cores(password).map(skeleton::skeleton));
    }
    let set = fst::Set::from_iter(entries)?;
    #[expect(clippy::disallowed_methods, reason = "cargo names the folder by this variable")]
    let folder = env::var_os("OUT_DIR").ok_or("cargo has not set OUT_DIR")?;
    fs::write(Path::new(&folder).join("common-passwords.fst"), set.as_fst().as_bytes())?;
    Ok(())
}
