mod broken;

use super::{argon2id::WorkAreas, *};

const PASSWORD: &str = "correct horse";

/// Hashes of `PASSWORD` that Python's bcrypt, passlib, Django, argon2-cffi and hashlib made.
const PYTHON_HASHES: [&str; 16] = [
    "$2b$04$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW",
    "$2a$04$c9UQcJ.DlfdjRUzJ/SSsLuSc0QsLlFgwnWBAw5528sOUMYVBjphpi",
    "$2y$04$c9UQcJ.DlfdjRUzJ/SSsLuSc0QsLlFgwnWBAw5528sOUMYVBjphpi",
    "$pbkdf2-sha256$1000$752TEkLo3Tsn5JwTYuy9lw$TNnI7mdgj5Y4b1ixDrxumXI/5mBIudVoj8NWt44o2Us",
    "$pbkdf2-sha256$1000$/d87R6jV.v8/B.Dc21uL0Q$KnKD3b./WiAW.XLD7tqA4apHI/apH7ykAfn3mPVbYuU",
    "$pbkdf2-sha512$1000$xnhv7Z1TCiGEECLEuJfyPg$eZ5oI6Z86ejHvXsIbnSU5bOr1LKLQYkKrXrUS0hm1DQG/C59pAOivzT8kSXIKe7wZpFapj/5xxDodWXgAuYZiQ",
    "$pbkdf2-sha256$i=1000,l=64$c29tZXNhbHRzb21lc2FsdA$f2yJk+Dph1FxQ+yhQ5KLmg1c5wfFtFU14dLQONYBoAEpCpFi3GiwJVTlNkOe+EY+A2xsd3ncDj8KxPUprM8VaQ",
    "$pbkdf2-sha512$i=1000$c29tZXNhbHRzb21lc2FsdA$RbkohYpABhrVf6dAjV1mgswjeaDcEw/Z9Lqqoc7ZO6eeqGc4EIBheeCgNOsc3H1ATsxkis9nQ04P4KAKB0FMcA",
    "pbkdf2_sha256$1000$seasalt2seasalt2$8MkvgctZalT3B1nT7NulxO1ihsB4FzTmepbHRG1ngO0=",
    "pbkdf2_sha256$1000$yNCu6QrOfa35RPMprC9rza$IoNuUlzc+X7/S/GUHIFkn5ZgBkKEuSOXlOKObaPnhHI=",
    "$scrypt$ln=10,r=8,p=1$4BzD+F9rjfF+b62VktIaAw$68iDAblJ8MZNaIcRmx1OMxS5VXeqcbn3stsfO7ePX80",
    "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$+jQGvnLH9sd/RHpVFdneZ1pWEi8VDK30k/E/IE+o3IE",
    "$argon2id$v=16$m=1024,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$RJBkqHDasroqxcbAB27ayR+0ohdC9GSLYnjKAZiuG4o",
    "$argon2id$m=1024,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$RJBkqHDasroqxcbAB27ayR+0ohdC9GSLYnjKAZiuG4o",
    "$argon2id$v=19$m=1024,t=2,p=4$c29tZXNhbHRzb21lc2FsdA$sPhwlL04k4yBXweLfoAESQ",
    "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$NNFxKbg9iVwc3QC48fsCtGSd/O4nBRgay7InfhLyz+3G6yTIr3KrP4un0RwNsRBwF300ENUWlrsuM2KbGL7IHw",
];

/// Test vectors that others publish: `(password, hash)`.
const PUBLISHED: [(&str, &str); 9] = [
    // crypt_blowfish, wrapper.c.
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    // jBCrypt, TestBCrypt.java.
    ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    ("abcdefghijklmnopqrstuvwxyz", "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz."),
    // RFC 7914 section 12.
    (
        "pleaseletmein",
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
    ),
    // github.com/firebase/scrypt, README.
    (
        "user1password",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    ),
    // The reference implementation of Argon2, test.c.
    ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    // An empty password has a hash too.
    ("", "$pbkdf2-sha256$1000$MTIzNDU2Nzg$acw5ojVUzAYZdVsxA.hL6nazMN7mBctSd1wGhKXpBcA"),
];

fn current() -> Params {
    Params::new(64, 1, 1, Some(32)).unwrap()
}

fn read(text: &str) -> Option<Stored> {
    Stored::read(&StoredHash::new(text))
}

#[track_caller]
fn verify(password: &str, text: &str) -> bool {
    let stored = read(text).unwrap_or_else(|| panic!("not read: {text}"));
    stored.verify(password.as_bytes(), &WorkAreas::new(&current())).unwrap()
}

#[test]
fn a_hash_of_another_system_matches_its_password_only() {
    let python = PYTHON_HASHES.map(|text| (PASSWORD, text));
    for (password, text) in python.into_iter().chain(PUBLISHED) {
        assert!(verify(password, text), "{text}");
        assert!(!verify("correct horsf", text), "{text}");
    }
}

#[test]
fn bcrypt_reads_the_first_72_bytes_of_a_password() {
    let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let text = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    assert!(verify(long, text) && verify(&format!("{long}chars after 72 are ignored"), text));
    assert!(!verify(&long[..71], text));
    let text = "$2b$04$Ta4m4dMtE.L6DpDnerrNAO3oY80pYx54SKTCmBwu91CI0bajL3hdG";
    assert!(verify(&"é".repeat(40), text) && verify(&"é".repeat(36), text) && !verify(&"é".repeat(35), text));
}

#[test]
fn bits_of_a_bcrypt_salt_that_belong_to_no_byte_do_not_matter() {
    assert!(verify("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
}

#[test]
fn every_kind_but_argon2id_of_at_least_the_current_parameters_is_outdated() {
    let of = |text: &str, memory_kib, iterations| {
        let (stored, params) = (read(text).unwrap(), Params::new(memory_kib, iterations, 1, Some(32)).unwrap());
        (stored.is_outdated(&params), stored.is_as_costly(&params))
    };
    let text = "$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert_eq!(of(text, 1024, 2), (false, true));
    assert_eq!(of(text, 512, 2), (false, false));
    assert_eq!(of(text, 1024, 1), (false, false));
    assert_eq!(of(text, 1025, 2), (true, false));
    assert_eq!(of(text, 512, 3), (true, false));
    assert_eq!(of(&text.replace("p=1", "p=2"), 1024, 2), (false, false));
    assert_eq!(of(&text.replace("v=19", "v=16"), 1024, 2), (true, false));
    for text in PYTHON_HASHES.into_iter().filter(|text| !text.starts_with("$argon2id$")) {
        assert_eq!(of(text, 8, 1), (true, false), "{text}");
    }
}

/// A signer key of another length than the hash belongs to another hash.
#[test]
fn a_firebase_hash_is_as_long_as_the_signer_key() {
    let (password, text) = PUBLISHED[6];
    assert!(!verify(password, &text.replace("XA==$42", "$42")));
    assert!(!verify(password, &text.replace("5lQ==", "5")));
}
