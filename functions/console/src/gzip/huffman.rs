//! Huffman codes of limited length (RFC 1951 section 3.2.2).

use std::{cmp::Reverse, collections::BinaryHeap};

/// The length of each symbol's code, in bits: 0 for a symbol that does not occur.
pub fn code_lengths(counts: &[u32], longest: u8) -> Vec<u8> {
    let mut weights = counts.to_vec();
    loop {
        let lengths = unlimited(&weights);
        if lengths.iter().all(|length| *length <= longest) {
            return lengths;
        }
        // Weights that differ less make a tree that is less deep.
        weights.iter_mut().filter(|weight| **weight > 0).for_each(|weight| *weight = *weight / 2 + 1);
    }
}

/// The depth of each symbol in the tree of Huffman.
fn unlimited(weights: &[u32]) -> Vec<u8> {
    let used = weights.iter().enumerate().filter(|(_, weight)| **weight > 0);
    let mut heap: BinaryHeap<_> = used.map(|(symbol, weight)| Reverse((u64::from(*weight), symbol))).collect();
    // A single symbol has a code of one bit.
    let is_single = heap.len() == 1;
    let mut parents: Vec<Option<usize>> = vec![None; weights.len()];
    while let (Some(Reverse((one, left))), Some(Reverse((other, right)))) = (heap.pop(), heap.pop()) {
        let node = parents.len();
        parents.push(None);
        parents[left] = Some(node);
        parents[right] = Some(node);
        heap.push(Reverse((one + other, node)));
    }
    let depth = |symbol: usize| std::iter::successors(parents[symbol], |node| parents[*node]).count();
    let lengths = weights.iter().enumerate().map(|(symbol, weight)| match weight {
        0 => 0,
        _ if is_single => 1,
        _ => u8::try_from(depth(symbol)).unwrap_or(u8::MAX),
    });
    lengths.collect()
}

/// The code of each symbol with its length. The first bit of a code is its lowest.
pub fn codes(lengths: &[u8]) -> Vec<(u32, u8)> {
    let mut codes = vec![(0, 0); lengths.len()];
    let mut next: u32 = 0;
    for length in 1..=lengths.iter().copied().max().unwrap_or_default() {
        for (code, _) in codes.iter_mut().zip(lengths).filter(|(_, of)| **of == length) {
            *code = (next.reverse_bits() >> (32 - u32::from(length)), length);
            next += 1;
        }
        next <<= 1;
    }
    codes
}
