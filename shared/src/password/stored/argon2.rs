//! Argon2 (RFC 9106). argon2id is made here. Hashes of other costs, argon2i and argon2d are checked
//! too.

use std::sync::{Mutex, PoisonError};

use ::argon2::{Algorithm, Argon2 as Computation, Block, Error, Params, Version, password_hash::phc};
use aws_lc_rs::constant_time;

use super::{MEMORY_BYTES_MAX, OUTPUT_BYTES, Refusal, SALT_BYTES};
use crate::password::StoredHash;

/// The most iterations. The configuration has the same bounds of iterations and memory.
const ITERATIONS_MAX: u32 = 16;
/// The lanes are computed one after the other, so that their number changes neither time nor
/// memory. The default of argon2-cffi was 8.
const LANES_MAX: u32 = 16;

/// An Argon2 hash within bounds.
pub struct Argon2 {
    algorithm: Algorithm,
    params: Params,
    version: Version,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Argon2 {
    /// Reads PHC text of this kind. Its Base64 may have padding.
    ///
    /// # Errors
    ///
    /// The text is damaged or out of bounds.
    pub fn read(kind: &str, text: &str) -> Result<Self, Refusal> {
        let damaged = |part| Refusal::damaged(kind, part);
        let parts: Vec<&str> = text.split('$').map(|part| part.trim_end_matches('=')).collect();
        let phc = phc::PasswordHash::new(&parts.join("$")).map_err(|_| damaged("text"))?;
        // A hash without a version has the first version, as in the reference implementation
        // (`decode_string`).
        let version = phc.version.map_or(Some(Version::V0x10), |version| Version::try_from(version).ok());
        let version = version.ok_or_else(|| damaged("version"))?;
        let algorithm = Algorithm::try_from(kind).map_err(|_| damaged("kind"))?;
        let params = Params::try_from(&phc).map_err(|_| damaged("cost"))?;
        bounded(kind, &params)?;
        let salt = phc.salt.filter(|salt| SALT_BYTES.contains(&salt.len())).ok_or_else(|| damaged("salt"))?.to_vec();
        let output = phc.hash.filter(|hash| OUTPUT_BYTES.contains(&hash.len())).ok_or_else(|| damaged("output"))?;
        Ok(Self { algorithm, params, version, salt, output: output.as_bytes().to_vec() })
    }

    /// The name of the kind.
    pub fn kind(&self) -> &'static str {
        self.algorithm.as_str()
    }

    /// Makes the hash of `password` with these parameters.
    ///
    /// # Errors
    ///
    /// Argon2 fails, which no input causes.
    pub fn make(params: &Params, password: &[u8], salt: &[u8], areas: &WorkAreas) -> Result<Self, Error> {
        let mut hash = Self::decoy(params);
        hash.salt = salt.to_vec();
        hash.output = hash.compute(password, areas)?;
        Ok(hash)
    }

    /// A hash that no password matches. Checking it is the work of a real hash of these parameters.
    pub fn decoy(params: &Params) -> Self {
        let output = vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
        let algorithm = Algorithm::Argon2id;
        Self { algorithm, params: params.clone(), version: Version::V0x13, salt: vec![0; 16], output }
    }

    /// Whether this is the hash of `password`.
    ///
    /// # Errors
    ///
    /// Argon2 fails, which no input causes.
    pub fn verify(&self, password: &[u8], areas: &WorkAreas) -> Result<bool, Error> {
        let output = self.compute(password, areas)?;
        Ok(constant_time::verify_slices_are_equal(&output, &self.output).is_ok())
    }

    /// Whether this hash protects less than one of the current parameters.
    pub fn is_outdated(&self, current: &Params) -> bool {
        self.algorithm != Algorithm::Argon2id
            || self.version != Version::V0x13
            || self.params.m_cost() < current.m_cost()
            || self.params.t_cost() < current.t_cost()
    }

    /// Whether this hash takes as long as one of the current parameters.
    pub fn is_as_costly(&self, current: &Params) -> bool {
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        self.algorithm == Algorithm::Argon2id && self.version == Version::V0x13 && cost(&self.params) == cost(current)
    }

    /// The PHC text of the hash.
    ///
    /// # Errors
    ///
    /// A part does not fit into PHC text. No hash that was made or read here has such a part.
    pub fn text(&self) -> Result<StoredHash, Error> {
        let phc = phc::PasswordHash {
            algorithm: self.algorithm.ident(),
            version: Some(self.version.into()),
            params: (&self.params).try_into().map_err(|_| Error::AlgorithmInvalid)?,
            salt: Some(phc::Salt::new(&self.salt).map_err(|_| Error::SaltTooShort)?),
            hash: Some(phc::Output::new(&self.output).map_err(|_| Error::OutputTooShort)?),
        };
        Ok(StoredHash::new(phc.to_string()))
    }

    fn compute(&self, password: &[u8], areas: &WorkAreas) -> Result<Vec<u8>, Error> {
        let mut output = vec![0; self.output.len()];
        let argon2 = Computation::new(self.algorithm, self.version, self.params.clone());
        areas.with_area(self.params.block_count(), |area| {
            argon2.hash_password_into_with_memory(password, &self.salt, &mut output, area)
        })?;
        Ok(output)
    }
}

fn bounded(kind: &str, params: &Params) -> Result<(), Refusal> {
    let mebibytes = u64::from(params.m_cost()).div_ceil(1024);
    if u64::from(params.m_cost()) * 1024 > MEMORY_BYTES_MAX {
        let bound = format!("at most {} MiB", MEMORY_BYTES_MAX / 1024 / 1024);
        return Err(Refusal::bound(kind, format_args!("a work area of {mebibytes} MiB"), bound));
    }
    for (name, is, max) in [("t", params.t_cost(), ITERATIONS_MAX), ("p", params.p_cost(), LANES_MAX)] {
        if is > max {
            return Err(Refusal::bound(kind, format_args!("the cost {name} = {is}"), format_args!("at most {max}")));
        }
    }
    Ok(())
}

/// Work areas that are kept between hashes. Faulting in 19 MiB of fresh pages would take a fifth of
/// a hash's time.
pub struct WorkAreas {
    kept: Mutex<Vec<Vec<Block>>>,
    /// The largest area that is kept. An area that a costlier hash made larger goes back to the
    /// system.
    blocks_kept_max: usize,
}

impl WorkAreas {
    /// No area yet. Areas for hashes of these parameters will be kept.
    pub fn new(params: &Params) -> Self {
        Self { kept: Mutex::default(), blocks_kept_max: params.block_count() }
    }

    /// Makes an area ready, so that no hash waits for its pages. A hash that begins meanwhile waits
    /// for this area and makes no second one.
    pub fn prepare(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() {
            kept.push(vec![Block::default(); self.blocks_kept_max]);
        }
    }

    /// Runs `work` with an area of at least `blocks`.
    fn with_area<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let mut area = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        if area.len() < blocks {
            area.resize(blocks, Block::default());
        }
        let result = work(&mut area);
        if area.len() <= self.blocks_kept_max {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(area);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_area_is_kept_unless_a_costlier_hash_made_it_larger() {
        let params = |memory_kib| Params::new(memory_kib, 1, 1, Some(32)).unwrap();
        let areas = WorkAreas::new(&params(128));
        for memory_kib in [128, 64, 128] {
            Argon2::make(&params(memory_kib), b"x", &[7; 16], &areas).unwrap();
        }
        assert_eq!(areas.kept.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [128]);
        Argon2::make(&params(256), b"x", &[7; 16], &areas).unwrap();
        assert!(areas.kept.lock().unwrap().is_empty());
    }

    #[test]
    fn a_hash_uses_the_area_that_was_made_ready() {
        let params = Params::new(128, 1, 1, Some(32)).unwrap();
        let areas = WorkAreas::new(&params);
        areas.prepare();
        areas.prepare();
        let place = areas.kept.lock().unwrap()[0].as_ptr();
        Argon2::make(&params, b"x", &[7; 16], &areas).unwrap();
        let kept = areas.kept.lock().unwrap();
        assert_eq!((kept.len(), kept[0].len(), kept[0].as_ptr()), (1, 128, place));
    }

    #[test]
    fn the_decoy_costs_as_much_as_a_real_hash_and_matches_no_password() {
        let params = Params::new(256, 3, 1, Some(32)).unwrap();
        let areas = WorkAreas::new(&params);
        let (real, decoy) = (Argon2::make(&params, b"x", &[7; 16], &areas).unwrap(), Argon2::decoy(&params));
        assert!(real.is_as_costly(&decoy.params) && decoy.is_as_costly(&real.params));
        assert_eq!((real.salt.len(), real.output.len()), (decoy.salt.len(), decoy.output.len()));
        assert!(real.verify(b"x", &areas).unwrap() && !decoy.verify(b"x", &areas).unwrap());
    }
}
