//! The format gzip (RFC 1952), by DEFLATE (RFC 1951), for the files of the pages.
//!
//! Only files of the program are compressed, once each. A crate for that would be one more in every
//! build.

#![expect(clippy::indexing_slicing, reason = "every index is a position of the data, or a symbol of a table")]

mod huffman;

use std::collections::HashMap;

use huffman::{code_lengths, codes};

/// The greatest distance of a repetition (RFC 1951 section 2), in bytes.
const WINDOW: usize = 32 * 1024;
/// The shortest and the longest repetition, in bytes.
const LENGTHS: (usize, usize) = (3, 258);
/// The most earlier places that are compared. More of them save less than one byte in a hundred.
const PLACES_MAX: usize = 64;
/// The symbol at the end of a block.
const END: usize = 256;
/// The symbols for bytes and lengths, and those for distances.
const SYMBOLS: (usize, usize) = (286, 30);
/// The longest code of a symbol, and of the length of a code, in bits.
const BITS_MAX: (u8, u8) = (15, 7);
/// The order in which the lengths of the codes for lengths are written (section 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The data as a file of gzip.
pub fn gzip(data: &[u8]) -> Vec<u8> {
    // The magic number, DEFLATE, no flags, no time, no hint, an unknown system.
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    file.extend(deflate(data));
    file.extend(checksum(data).to_le_bytes());
    // The length is written modulo 2^32 (RFC 1952 section 2.3.1).
    file.extend(data.len().to_le_bytes().iter().take(4));
    file
}

/// CRC-32 as in section 8 of RFC 1952.
fn checksum(data: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !data.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// A part of the data: a byte, or a repetition of what stands before.
enum Part {
    Byte(u8),
    Repetition { length: usize, distance: usize },
}

/// A symbol of an alphabet, with the bits that follow it.
struct Symbol {
    symbol: usize,
    extra: u32,
    bits: u8,
}

/// The data as one block with codes of its own (section 3.2.7).
fn deflate(data: &[u8]) -> Vec<u8> {
    let parts = parts(data);
    let mut counts = (vec![0; SYMBOLS.0], vec![0; SYMBOLS.1]);
    counts.0[END] = 1;
    for part in &parts {
        match part {
            Part::Byte(byte) => counts.0[usize::from(*byte)] += 1,
            Part::Repetition { length, distance } => {
                counts.0[of_length(*length).symbol] += 1;
                counts.1[of_distance(*distance).symbol] += 1;
            }
        }
    }
    let lengths = (code_lengths(&counts.0, BITS_MAX.0), code_lengths(&counts.1, BITS_MAX.0));
    let mut bits = Bits::default();
    // The last block, and its kind.
    bits.put(1, 1);
    bits.put(2, 2);
    write_tables(&mut bits, &lengths.0, &lengths.1);
    let codes = (codes(&lengths.0), codes(&lengths.1));
    for part in &parts {
        match part {
            Part::Byte(byte) => bits.put_code(codes.0[usize::from(*byte)]),
            Part::Repetition { length, distance } => {
                for (codes, Symbol { symbol, extra, bits: count }) in
                    [(&codes.0, of_length(*length)), (&codes.1, of_distance(*distance))]
                {
                    bits.put_code(codes[symbol]);
                    bits.put(extra, count);
                }
            }
        }
    }
    bits.put_code(codes.0[END]);
    bits.finish()
}

/// Finds the repetitions, each by the longest of the nearest places with the same three bytes.
fn parts(data: &[u8]) -> Vec<Part> {
    let mut last: HashMap<&[u8], usize> = HashMap::new();
    // The place before each place that begins with the same bytes.
    let mut before = vec![None; data.len()];
    let mut parts = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let key = data.get(at..at + LENGTHS.0);
        let first = key.and_then(|key| last.get(key).copied());
        let places = std::iter::successors(first, |place| before[*place]).take(PLACES_MAX);
        let found = places.take_while(|place| at - place <= WINDOW).map(|place| (same(data, place, at), at - place));
        // The nearest of equally long ones has the fewest bits.
        let longest = found.reduce(|best, next| if next.0 > best.0 { next } else { best });
        let (part, length) = match longest {
            Some((length, distance)) => (Part::Repetition { length, distance }, length),
            None => (Part::Byte(data[at]), 1),
        };
        parts.push(part);
        for place in at..at + length {
            if let Some(key) = data.get(place..place + LENGTHS.0) {
                before[place] = last.insert(key, place);
            }
        }
        at += length;
    }
    parts
}

/// The number of bytes that are the same from both places on.
fn same(data: &[u8], place: usize, at: usize) -> usize {
    let pairs = data[place..].iter().zip(&data[at..]).take(LENGTHS.1);
    pairs.take_while(|(one, other)| one == other).count()
}

/// The symbol of a length (section 3.2.5).
fn of_length(length: usize) -> Symbol {
    // The longest one has a symbol of its own.
    if length == LENGTHS.1 {
        return Symbol { symbol: 285, extra: 0, bits: 0 };
    }
    of(length - LENGTHS.0, END + 1, 2)
}

/// The symbol of a distance.
fn of_distance(distance: usize) -> Symbol {
    of(distance - 1, 0, 1)
}

/// The symbol of a value whose leading bits, up to `kept` behind the first, are in the symbol.
fn of(value: usize, first: usize, kept: u32) -> Symbol {
    let bits = value.checked_ilog2().unwrap_or(0).saturating_sub(kept);
    let extra = value & ((1 << bits) - 1);
    Symbol {
        symbol: first + ((bits as usize) << kept) + (value >> bits),
        extra: u32::try_from(extra).unwrap_or_default(),
        bits: u8::try_from(bits).unwrap_or_default(),
    }
}

/// Writes the lengths of all codes, which are coded themselves.
fn write_tables(bits: &mut Bits, bytes: &[u8], distances: &[u8]) {
    let all: Vec<usize> = bytes.iter().chain(distances).map(|length| usize::from(*length)).collect();
    let mut counts = vec![0; ORDER.len()];
    all.iter().for_each(|length| counts[*length] += 1);
    let lengths = code_lengths(&counts, BITS_MAX.1);
    let codes = codes(&lengths);
    // Every table is written as a whole: 286, 30 and 19 lengths.
    bits.put(29, 5);
    bits.put(29, 5);
    bits.put(15, 4);
    ORDER.iter().for_each(|symbol| bits.put(u32::from(lengths[*symbol]), 3));
    all.iter().for_each(|length| bits.put_code(codes[*length]));
}

/// Bits in the order of DEFLATE: the lowest bit of a byte comes first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u64,
    count: u8,
}

impl Bits {
    fn put(&mut self, value: u32, count: u8) {
        self.held |= u64::from(value) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.extend(self.held.to_le_bytes().first());
            self.held >>= 8;
            self.count -= 8;
        }
    }

    fn put_code(&mut self, (code, length): (u32, u8)) {
        self.put(code, length);
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, (8 - self.count) % 8);
        self.bytes
    }
}
