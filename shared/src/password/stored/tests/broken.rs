use super::*;

#[test]
fn a_hash_that_is_broken_or_asks_for_too_much_is_not_read() {
    // A hash that is read, and replacements that each make it unreadable.
    let cases: [(&str, &[(&str, &str)]); 7] = [
        (
            "$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            &[
                ("m=1024", "m=262145"),
                ("m=1024", "m=4294967295"),
                ("m=1024", "m=4294967296"),
                ("m=1024", "m=7"),
                ("t=2", "t=0"),
                ("t=2", "t=17"),
                ("t=2", "t=4294967295"),
                ("p=1", "p=0"),
                ("p=1", "p=17"),
                ("v=19", "v=18"),
                ("argon2id", "argon2x"),
                ("argon2id", "argon2"),
                ("$c29tZXNhbHQ", ""),
                ("c29tZXNhbHQ", ""),
                ("c29tZXNhbHQ", "c29tZXNhbA"),
                ("CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "CTFhFdXPJO1aFaMaO6Mm"),
                ("$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", ""),
            ],
        ),
        (
            "$2b$14$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW",
            &[
                ("$14", "$03"),
                ("$14", "$15"),
                ("$14", "$31"),
                ("$14", "$99"),
                ("$14", "$4"),
                ("$14", "$014"),
                ("$14", "$+4"),
                ("$14", "$"),
                ("$14", ""),
                ("$2b", "$2x"),
                ("$2b", "$2c"),
                ("$2b", "2b"),
                ("LzW", "Lz"),
                ("LzW", "LzWx"),
                ("LzW", "Lz="),
                ("OlYZ", "Ol$Z"),
                // 60 bytes still, but the 22nd after the last dollar is inside a character.
                ("H8cup31", "H8c£p31"),
                ("H8cup31", "H8cu£31"),
            ],
        ),
        (
            "$scrypt$ln=10,r=8,p=1$4BzD+F9rjfF+b62VktIaAw$68iDAblJ8MZNaIcRmx1OMxS5VXeqcbn3stsfO7ePX80",
            &[
                ("ln=10", "ln=63"),
                ("ln=10", "ln=64"),
                ("ln=10", "ln=0"),
                ("ln=10", "ln=-1"),
                ("ln=10", "N=1024"),
                ("r=8", "r=1073741824"),
                ("r=8,", ""),
                ("p=1", "p=4294967295"),
                ("p=1", "p=1,p=1"),
                ("4BzD+F9rjfF+b62VktIaAw", ""),
                ("4BzD+F9rjfF+b62VktIaAw", "4BzD"),
                ("4BzD+F9rjfF+b62VktIaAw", "4BzD£F9rjfF+b62VktIaAw"),
                ("68iDAblJ8MZNaIcRmx1OMxS5VXeqcbn3stsfO7ePX80", "68iDAblJ8MZNaIcR"),
                ("$68iDAblJ8MZNaIcRmx1OMxS5VXeqcbn3stsfO7ePX80", ""),
                ("$scrypt", "$scrypt$v=1"),
            ],
        ),
        (
            "$pbkdf2-sha256$i=1000,l=32$752TEkLo3Tsn5JwTYuy9lw$TNnI7mdgj5Y4b1ixDrxumXI/5mBIudVoj8NWt44o2Us",
            &[
                ("i=1000", "i=0"),
                ("i=1000", "i=5000001"),
                ("i=1000", "i=18446744073709551616"),
                ("i=1000,l=32", "l=32,i=1000"),
                ("l=32", "l=64"),
                ("l=32", "l=-1"),
                ("TNnI7mdgj", "TNnI7m.gj"),
                ("sha256", "md5"),
                ("752TEkLo3Tsn5JwTYuy9lw", ""),
                ("TNnI7mdgj5Y4b1ixDrxumXI/5mBIudVoj8NWt44o2Us", ""),
            ],
        ),
        (
            "$pbkdf2-sha512$1000$752TEkLo3Tsn5JwTYuy9lw$TNnI7mdgj5Y4b1ixDrxumXI/5mBIudVoj8NWt44o2Us",
            &[("1000", "0"), ("1000", "5000001"), ("1000", "4294967296"), ("1000", ""), ("lw$", "lw==$$")],
        ),
        (
            "pbkdf2_sha256$1000$seasalt2seasalt2$8MkvgctZalT3B1nT7NulxO1ihsB4FzTmepbHRG1ngO0=",
            &[
                ("1000", "0"),
                ("1000", "18446744073709551616"),
                ("seasalt2seasalt2", ""),
                ("seasalt2seasalt2", "seasalt"),
                ("pbkdf2", "$pbkdf2"),
                ("sha256", "md5"),
                ("ngO0=", "ngO"),
                ("$8Mk", "8Mk"),
            ],
        ),
        (
            PUBLISHED[6].1,
            &[
                ("v=1", "v=2"),
                ("n=14", "n=63"),
                ("n=14", "n=0"),
                ("r=8", "r=1073741824"),
                ("p=1", "p=4294967295"),
                ("ss=Bw==", "ss=BwcHBwcHBwcHBwcHBwcHBwc="),
                ("ss=Bw==", "ss=£"),
                (",sk=jx", ",sk="),
                (",ss=Bw==", ""),
                ("42xEC+ixf3L2lw==", ""),
                ("42xEC+ixf3L2lw==", "42xE"),
                ("$lSrf", "$lSr"),
            ],
        ),
    ];
    for (text, changes) in cases {
        assert!(read(text).is_some(), "{text}");
        for (from, to) in changes {
            let broken = text.replacen(from, to, 1);
            assert!(broken != text && read(&broken).is_none(), "{broken}");
        }
    }
    let huge = format!("pbkdf2_sha256$1000${}$8Mkv", "x".repeat(10 << 20));
    for text in [
        "",
        "$",
        "$$",
        "$$$$",
        "$$$$$$$$$$",
        "plain",
        "$2b$",
        "$argon2id$",
        "🔑$🔑$🔑$🔑",
        &huge,
        &"$".repeat(10 << 20),
    ] {
        assert!(read(text).is_none(), "{:.40}", text);
    }
}

/// Pseudorandom numbers that are the same each time (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    /// Replaces, removes, doubles or cuts off a few characters of `text`.
    fn change(&mut self, text: &str) -> String {
        const NEW: [char; 14] = ['$', ',', '=', '.', '/', '+', '-', ' ', '0', '9', 'z', '\0', '£', '🔑'];
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(3) {
            if characters.is_empty() {
                break;
            }
            let at = self.below(characters.len());
            match self.below(8) {
                0 => drop(characters.remove(at)),
                1 => characters.insert(at, characters[at]),
                2 => characters.truncate(at),
                _ => characters[at] = NEW[self.below(NEW.len())],
            }
        }
        characters.into_iter().collect()
    }
}

#[test]
fn no_change_of_a_hash_makes_anything_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (params, mut still_read) = (current(), 0);
    let areas = WorkAreas::new(&params);
    for text in HASHES.iter().copied().chain(PUBLISHED.map(|(_, text)| text)) {
        for round in 0..2_000 {
            let Some(stored) = read(&random.change(text)) else { continue };
            still_read += 1;
            // Only computing takes time, so a few rounds must do.
            if round < 20 {
                stored.verify(PASSWORD.as_bytes(), &areas).unwrap();
            }
            assert!(stored.is_outdated(&params) || matches!(stored, Stored::Argon2(_)));
        }
    }
    assert!(still_read > 1_000, "{still_read}");
}
