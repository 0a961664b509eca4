mod broken;

use super::{argon2::WorkAreas, *};

const PASSWORD: &str = "correct horse";

/// Hashes of `PASSWORD` that Python's bcrypt, passlib, Django, Werkzeug, argon2-cffi and hashlib
/// made. Node's `scrypt` made the last one with the parameters of better-auth, and Python's bcrypt
/// the one before, by the recipe of WordPress. Python's hashlib made those of ASP.NET.
const HASHES: &[&str] = &[
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
    "$argon2id$v=19$m=1024,t=1,p=8$jyGEhWio4CyMLIPWEcB5mg$VJ+giWIGMzmVqgUq3qTpalpFOOIH5pC9Yomck0GohJA",
    "$argon2id$v=19$m=1024,t=1,p=8$jyGEhWio4CyMLIPWEcB5mg==$VJ+giWIGMzmVqgUq3qTpalpFOOIH5pC9Yomck0GohJA=",
    "argon2$argon2id$v=19$m=1024,t=1,p=8$QXtjLEdn+jFBq3NgDB/A5w$453pfJ/u4MDlpHU/x4NZcXvlIK9w0NopmgnfOb6MT1Y",
    "$argon2i$v=19$m=1024,t=1,p=1$k6LrY4XdKFu2y0hdGPq6uQ$+D3u2V8BsNEFtrULDedcZyK1QQVIhTmzwRqG6c92xJU",
    "$argon2d$v=19$m=1024,t=1,p=1$9Fsd0vj3BrPAN87wsYxV0A$9PdB77RwQmqhLvmrMrv+665ZOaHoU+lV3l4244SQQEk",
    "bcrypt_sha256$$2b$04$RMj5aUlmuuzkgj1cKCFokOncuIbfGy0iZ.xwcGCq9ohmAl2AH.8c6",
    "bcrypt$$2b$04$FbpxBx5WHPdAmdoV1aBB5O86GCzNM4ApvX.zJuYy/br2M.P5TWDoq",
    "$bcrypt-sha256$v=2,t=2b,r=4$abcdefghijklmnopqrstuu$DDZkjU09Vim05Ait7x7R.JfuHDNAppu",
    "$bcrypt-sha256$2a,4$abcdefghijklmnopqrstuu$fm19hcnOB5jVIa57e1DmQZ/XByRYI72",
    "pbkdf2_sha1$1000$seasalt2seasalt2$dSo8DwDJrxiEoz8SyR5GZ4AKRSo=",
    "$pbkdf2$1000$wLiX0hqjlDJmjHGOcY6xlg$R5WfOFvNW0RVmLIkYPd2RXUvBVQ",
    "pbkdf2:sha256:1000$IRgnQPIy6Tghoeyf$9dd30205b7b07c7371590ec88ac02d941ec6d485802d7fa64384933e1277e95e",
    "pbkdf2:sha512:1000$52PYRETnSV44oN70$1cc3bb2fc6eeb47425666c12d1a5f3d8f66ca67ee5581bfc7bb646c4f0420e24ea696a0f18703a90f4dd495c2ec9a448a9f29f1760353fa92e3256ef8abbc6c4",
    "pbkdf2:sha1:1000$Wt31ItN2qtbjCXVz$8bd6ba203c2da99b20348a6b21c7155dec3bf8fc",
    "scrypt:1024:8:1$WPn7TUOeJu7Y9YHJ$f8338f92d3ec2bcd4c89ab15a82ba7aab905e7a8cca3045e09fca4186bdd7aa31519955b085a3e8622c2e642e626a7b921bd2dc992d2cb81e616ad8277a0314c",
    "scrypt:32768:8:1$Z0IIQJeLNON7R3tt$4b155f71d0ad42fe1b2b425809c68d47558e12df767fe244e3a7756e190f0b9fbea7acabb26415d3c74294a24dad2e936313e4a7a0f9657967f25aadebf490c5",
    "scrypt$1024$seasalt2seasalt2$8$1$lFdya1bRtvuIBuv+5O0L6od9UUSevhsvgF8//WKLkvtCtsGenVsZZMVMcHjT/N2fl+jId/wxg8K/x0Sor367QA==",
    "pbkdf2_sha512$1000$seasalt2seasalt2$HWVaoGnCkM5si1YgLsa+Vza/1QFQRsW5wwkXKD1f9+CQj+c5+gGJUUd8ugFYcDn2pxt1ydtYavrGCsKxI8gbZg==",
    "AQAAAAEAAAPoAAAAEAABAgMEBQYHCAkKCwwNDg/JFMxPBsxuj0bRV+Ohtap6vO67F7sERM1MSsFsoq6YZA==",
    "AQAAAAIAAAPoAAAAEAABAgMEBQYHCAkKCwwNDg9enHTtaNXHi8Ii+uYFGPy46hVW0aomq1S/YnluGLNJCw==",
    "AQAAAAAAAAPoAAAAEAABAgMEBQYHCAkKCwwNDg+d2FbDdriytxO2vgdAVMuIpGVW4BGF6o0NJn8znGUhaQ==",
    "AAABAgMEBQYHCAkKCwwNDg+d2FbDdriytxO2vgdAVMuIpGVW4BGF6o0NJn8znGUhaQ==",
    "{bcrypt}$2a$04$c9UQcJ.DlfdjRUzJ/SSsLuSc0QsLlFgwnWBAw5528sOUMYVBjphpi",
    "{ARGON2ID}$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$+jQGvnLH9sd/RHpVFdneZ1pWEi8VDK30k/E/IE+o3IE",
    "$wp$2y$04$abcdefghijklmnopqrstuujv/86KBUqWwIdPp0uRATkCcvgptl1Pm",
    "00112233445566778899aabbccddeeff:13af89ff6a88bb0fb3277e79ba724c6c0731b15919ca892969d63abd1534b867d110179e3bc8af39995ede0f9b2ac14b2b97573df10ba3802c498dbeb61e4f64",
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
    Stored::read(&StoredHash::new(text)).ok()
}

#[track_caller]
fn verify(password: &str, text: &str) -> bool {
    let stored = read(text).unwrap_or_else(|| panic!("not read: {text}"));
    stored.verify(password.as_bytes(), &WorkAreas::new(&current())).unwrap()
}

#[test]
fn a_hash_of_another_system_matches_its_password_only() {
    let made = HASHES.iter().map(|text| (PASSWORD, *text));
    for (password, text) in made.chain(PUBLISHED) {
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
fn a_match_of_bcrypt_says_nothing_of_what_it_did_not_read() {
    let checks = |text: &str, password: &str| read(text).unwrap().checks_all_of(password.as_bytes());
    let plain = "$2b$04$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW";
    assert!(checks(plain, &"x".repeat(72)) && !checks(plain, &"x".repeat(73)));
    assert!(checks("bcrypt_sha256$$2b$04$RMj5aUlmuuzkgj1cKCFokOncuIbfGy0iZ.xwcGCq9ohmAl2AH.8c6", &"x".repeat(73)));
    let wordpress = "$wp$2y$04$abcdefghijklmnopqrstuujv/86KBUqWwIdPp0uRATkCcvgptl1Pm";
    assert!(verify(" correct horse\n", wordpress));
    assert!(checks(wordpress, "correct horse") && !checks(wordpress, "correct horse "));
}

/// Whether a refused hash is told by its kind or its bound, and what is told.
#[test]
fn a_refusal_names_the_kind_and_the_bound() {
    let long_salt = format!("pbkdf2_sha256$1000${}$8MkvgctZalT3B1nT7NulxO1ihsB4FzTmepbHRG1ngO0=", "x".repeat(65));
    for (text, part) in [
        ("", "empty"),
        ("!Xy7", "without a password"),
        ("$argon2id$v=19$m=524288,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "512"),
        ("$argon2id$v=19$m=1024,t=17,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "t = 17"),
        ("$argon2i$v=19$m=1024,t=2,p=17$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "p = 17"),
        ("$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQ", "argon2id hash is damaged"),
        ("$2b$15$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW", "the cost 15. Latchkey accepts 4 to 14"),
        ("$2b$12$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgo", "bcrypt hash is damaged: its output"),
        ("$2x$12$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW", "a faulty version of bcrypt"),
        ("$P$BOHV3RfNk6xdOXzMYzMmzLZ7nOUZP01", "phpass"),
        ("$6$rounds=5000$usesomesillystri$D4IrlXatmP7rx3P3InaxBeoomnAihCKRVQAr", "SHA-512-crypt"),
        ("$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o", "yescrypt"),
        ("{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr", "LDAP"),
        ("AQAAAAEAACcQAAAAEFPPwuxLgcmv1Rg", "ASP.NET Core Identity hash is damaged"),
        ("AQAAAAMAAAPoAAAAEAABAgMEBQYHCAkKCwwNDg/JFMxPBsxuj0bRV+Ohtap6vO67F7sERM1MSsFsoq6YZA==", "digest"),
        ("AQAAAAEAT////wAAABAAAQIDBAUGBwgJCgsMDQ4PyRTMTwbMbo9G0Vfjobaqerzuuxe7BETNTErBbKKumGQ=", "ASP.NET"),
        ("scrypt$1000$seasalt2seasalt2$8$1$lFdya1bRtvuIBuv+5O0L6g==", "list of parameters"),
        ("scrypt$1024$seasalt2seasalt2$8$1", "a part between its dollars"),
        ("{noop}hunter2hunter2", "LDAP"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "bare digest"),
        ("pbkdf2:md5:1000$IRgnQPIy6Tghoeyf$9dd30205b7b07c7371590ec88ac02d941ec6d485802d7fa64384933e1277e95e", "digest"),
        ("pbkdf2_sha256$5000001$seasalt2seasalt2$8MkvgctZalT3B1nT7NulxO1ihsB4FzTmepbHRG1ngO0=", "at most 5000000"),
        (&long_salt, "salt"),
        ("scrypt:1000:8:1$WPn7TUOeJu7Y9YHJ$f8338f92d3ec2bcd4c89ab15a82ba7aa", "list of parameters"),
        ("$scrypt$ln=19,r=8,p=1$4BzD+F9rjfF+b62VktIaAw$68iDAblJ8MZNaIcRmx1OMxS5VXeqcbn3stsfO7ePX80", "512"),
        ("$scrypt$ln=17,r=8,p=5$4BzD+F9rjfF+b62VktIaAw$68iDAblJ8MZNaIcRmx1OMxS5VXeqcbn3stsfO7ePX80", "N·r·p = 5242880"),
        ("$2b$12", "a part between its dollars"),
        ("hunter2", "no hash of a known kind"),
        (&"x".repeat(513), "512 bytes"),
    ] {
        let Err(refusal) = Stored::read(&StoredHash::new(text)) else { panic!("read: {text}") };
        let sentence = refusal.to_string();
        assert!(sentence.contains(part), "{text}: {sentence}");
        let secrets = text.split('$').filter(|part| part.len() > 12 && part.bytes().all(|byte| byte != b','));
        assert!(secrets.into_iter().all(|secret| !sentence.contains(secret)), "{sentence}");
    }
}

#[test]
fn white_space_around_a_hash_from_elsewhere_is_passed_over() {
    let text = "$2b$04$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW";
    for around in ["\n", " ", "\r\n", "\t", "\u{feff}", "\u{200b}", "\u{a0}"] {
        for pasted in [format!("{text}{around}"), format!("{around}{text}")] {
            assert_eq!(StoredHash::imported(&pasted).unwrap().as_str(), text, "{pasted:?}");
        }
    }
    assert!(StoredHash::imported(&text.replacen("OlYZ", "Ol YZ", 1)).is_err());
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
    for text in HASHES.iter().filter(|text| !text.contains("$argon2id$")) {
        assert_eq!(of(text, 8, 1), (true, false), "{text}");
    }
}

/// A signer key of another length than the hash belongs to another hash.
#[test]
fn a_firebase_hash_is_as_long_as_the_signer_key() {
    let (_, text) = PUBLISHED[6];
    for other in [text.replace("XA==$42", "$42"), text.replace("5lQ==", "5")] {
        let refusal = Stored::read(&StoredHash::new(other)).err().unwrap().to_string();
        assert!(refusal.contains("as of the same project"), "{refusal}");
    }
}

#[test]
fn a_firebase_hash_is_stored_without_the_signer_key_and_still_checks_its_password() {
    let (password, text) = PUBLISHED[6];
    let stored = StoredHash::imported(text).unwrap();
    assert!(stored.as_str().starts_with("$fbscrypt-stream$v=1,n=14,r=8,p=1,ss=Bw==$42xEC+ixf3L2lw==$"));
    for part in ["jxspr8Ki", "lSrfV15c", "sk="] {
        assert!(!stored.as_str().contains(part), "{}", stored.as_str());
    }
    assert!(verify(password, stored.as_str()) && !verify("user2password", stored.as_str()));
    // It can be exported and imported again.
    assert_eq!(StoredHash::imported(stored.as_str()).unwrap().as_str(), stored.as_str());
    for (part, broken) in [("n=14", "n=63"), ("v=1", "v=2"), ("ss=Bw==", "ss=£"), ("ss=Bw==", "ss=Bw==,sk=")] {
        let text = stored.as_str().replacen(part, broken, 1);
        assert!(read(&text).is_none(), "{text}");
    }
}
