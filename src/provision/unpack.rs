//! Unpacks a package.
//!
//! Only the files and their executable bits are kept. A package with a link, or with an entry that
//! leads out of the tree, is refused.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

/// Unpacks an npm package below `into`.
pub(super) fn tarball(package: impl Read, into: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(package));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() {
            return Err(refused(&path, "is neither a file nor a directory"));
        }
        let executable = entry.header().mode()? & 0o111 != 0;
        write(&mut entry, &inside(into, &path)?, executable)?;
    }
    Ok(())
}

/// Unpacks a Python wheel below `into`.
pub(super) fn wheel(package: impl Read + Seek, into: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(package)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let path = PathBuf::from(entry.name());
        if entry.is_dir() {
            continue;
        }
        if entry.is_symlink() || !entry.is_file() {
            return Err(refused(&path, "is neither a file nor a directory"));
        }
        let executable = entry.unix_mode().unwrap_or(0) & 0o111 != 0;
        write(&mut entry, &inside(into, &path)?, executable)?;
    }
    Ok(())
}

/// Where an entry goes, if that is inside.
fn inside(into: &Path, path: &Path) -> io::Result<PathBuf> {
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if path.components().all(plain) {
        Ok(into.join(path))
    } else {
        Err(refused(path, "leads out of the package"))
    }
}

/// Writes one file through to the disk; a name that comes twice is refused by the system.
fn write(from: &mut dyn Read, path: &Path, executable: bool) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mut file = File::create_new(path)?;
    io::copy(from, &mut file)?;
    file.set_permissions(Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
    file.sync_all()
}

fn refused(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("its entry {} {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::os::unix::fs::PermissionsExt;

    use expect_test::{Expect, expect};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{EntryType, Header};
    use zip::write::SimpleFileOptions;

    /// A tarball of entries: kind, path, mode.
    fn tarball(entries: &[(EntryType, &str, u32)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (kind, path, mode) in entries {
            let mut header = Header::new_gnu();
            // Written by hand, since the crate refuses to write the paths that we must refuse.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(*mode);
            header.set_size(0);
            header.set_cksum();
            builder.append(&header, [].as_slice()).expect("memory can be written");
        }
        let gzip = builder.into_inner().expect("memory can be written");
        gzip.finish().expect("memory can be written")
    }

    fn wheel(entries: &[(&str, u32)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, mode) in entries {
            let options = SimpleFileOptions::default().unix_permissions(*mode);
            writer.start_file(*path, options).expect("memory can be written");
            writer.write_all(b"x").expect("memory can be written");
        }
        writer.finish().expect("memory can be written").into_inner()
    }

    fn check(unpack: impl FnOnce(&std::path::Path) -> std::io::Result<()>, expect: Expect) {
        let scratch = tempfile::tempdir().expect("there is a temporary directory");
        let into = scratch.path().join("in");
        let end = unpack(&into).map_or_else(|error| error.to_string(), |()| "unpacked".to_owned());
        let mut lines = vec![end];
        for name in ["in/package/a", "in/package/b", "out", "in/out"] {
            if let Ok(about) = scratch.path().join(name).metadata() {
                lines.push(format!("{name} {:o}", about.permissions().mode() & 0o777));
            }
        }
        expect.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_tarball_keeps_its_executable_bits() {
        let package = tarball(&[
            (EntryType::Regular, "package/a", 0o4755),
            (EntryType::Regular, "package/b", 0o600),
        ]);
        check(
            |into| super::tarball(&*package, into),
            expect![[r#"
            unpacked
            in/package/a 755
            in/package/b 644"#]],
        );
    }

    #[test]
    fn a_tarball_that_leads_out_is_refused() {
        let package = tarball(&[(EntryType::Regular, "package/../../out", 0o644)]);
        check(
            |into| super::tarball(&*package, into),
            expect!["its entry package/../../out leads out of the package"],
        );
    }

    #[test]
    fn a_tarball_with_a_link_is_refused() {
        let package = tarball(&[(EntryType::Symlink, "package/a", 0o777)]);
        check(
            |into| super::tarball(&*package, into),
            expect!["its entry package/a is neither a file nor a directory"],
        );
    }

    #[test]
    fn a_truncated_tarball_is_refused() {
        let mut package = tarball(&[(EntryType::Regular, "package/a", 0o755)]);
        package.truncate(20);
        check(|into| super::tarball(&*package, into), expect!["incomplete deflate stream"]);
    }

    #[test]
    fn a_wheel_keeps_its_executable_bits() {
        let package = wheel(&[("package/a", 0o755), ("package/b", 0o600)]);
        check(
            |into| super::wheel(Cursor::new(&package), into),
            expect![[r#"
            unpacked
            in/package/a 755
            in/package/b 644"#]],
        );
    }

    #[test]
    fn a_wheel_that_leads_out_is_refused() {
        let package = wheel(&[("../out", 0o644)]);
        check(
            |into| super::wheel(Cursor::new(&package), into),
            expect!["its entry ../out leads out of the package"],
        );
    }
}
