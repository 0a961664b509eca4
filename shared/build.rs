//! Compiles the list of common passwords into the set in which the program looks passwords up.

use std::{env, error::Error, fs, path::Path};

const LIST: &str = "common-passwords.txt";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={LIST}");
    let set = fst::Set::from_iter(fs::read_to_string(LIST)?.lines())?;
    #[expect(clippy::disallowed_methods, reason = "cargo names the folder by this variable")]
    let folder = env::var_os("OUT_DIR").ok_or("cargo has not set OUT_DIR")?;
    fs::write(Path::new(&folder).join("common-passwords.fst"), set.as_fst().as_bytes())?;
    Ok(())
}
