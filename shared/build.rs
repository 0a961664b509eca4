//! Compiles the list of common passwords into the set that the program looks them up in.

use std::{env, error::Error, fs, path::Path};

const LIST: &str = "common-passwords.txt";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={LIST}");
    let set = fst::Set::from_iter(fs::read_to_string(LIST)?.lines())?;
    #[expect(clippy::disallowed_methods, reason = "how cargo names the folder")]
    let folder = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&folder).join("common-passwords.fst"), set.as_fst().as_bytes())?;
    Ok(())
}
