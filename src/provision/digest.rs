//! Digests of files, in two spellings: `sha512-<base64>`, as npm states an integrity, and sha256 in
//! hex, as pip's indexes and our own reports do.

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

/// How much is read at once: large enough that hashing, not reading, takes the time.
const CHUNK: usize = 1024 * 1024;

/// The sha256 of what is read, in hex.
pub(super) fn sha256(input: &mut dyn Read) -> io::Result<String> {
    let bytes = hashed(Sha256::new(), input)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The sha512 of what is read, as `sha512-` and base64.
pub(super) fn integrity(input: &mut dyn Read) -> io::Result<String> {
    Ok(format!("sha512-{}", STANDARD.encode(hashed(Sha512::new(), input)?)))
}

/// Whether `stated`, a list of integrities in npm's form, has this one. The list may have weaker
/// hashes as well, which prove nothing.
pub(super) fn states(stated: &str, integrity: &str) -> bool {
    stated.split_whitespace().any(|entry| entry.split('?').next() == Some(integrity))
}

fn hashed(mut hash: impl Digest, input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(hash.finalize().to_vec()),
            length => hash.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    fn check(text: &str, expect: Expect) {
        let sha256 = super::sha256(&mut text.as_bytes()).expect("memory can be read");
        let integrity = super::integrity(&mut text.as_bytes()).expect("memory can be read");
        let (start, end) = integrity.split_at(50);
        expect.assert_eq(&format!("{sha256}\n{start}\n{end}\n"));
    }

    #[test]
    fn digests_are_spelled_as_their_sources_spell_them() {
        check(
            "abc",
            expect![[r#"
            ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
            sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05o
            hkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==
        "#]],
        );
    }

    #[test]
    fn a_list_of_integrities_states_each_entry() {
        let stated = "sha1-x sha512-abc?option";
        let found =
            ["sha512-abc", "sha512-ab", "sha1"].map(|integrity| super::states(stated, integrity));
        expect!["[true, false, false]"].assert_eq(&format!("{found:?}"));
    }
}
