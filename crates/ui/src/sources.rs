//! The files that the dashboard is built from, and the stamp by which a build says which ones it
//! was made from. The web build computes the same stamp.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// What lies in the folder and has no say in what is built.
const OTHERS: [&str; 2] = ["node_modules", "tests"];

/// Whether what has this name at the top of the folder belongs to the sources.
pub(crate) fn is_source(name: &str) -> bool {
    !OTHERS.contains(&name)
}

/// Every source: its path from the folder, with `/`, and where it is, in the order of the paths' bytes.
///
/// # Errors
/// When the folder cannot be read, or a name in it is no UTF-8.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for (name, path) in entries(folder)? {
        if is_source(&name) {
            collect(name, path, &mut found)?;
        }
    }
    found.sort();
    Ok(found)
}

fn collect(name: String, path: PathBuf, found: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    if !path.is_dir() {
        found.push((name, path));
        return Ok(());
    }
    for (inside, path) in entries(&path)? {
        collect(format!("{name}/{inside}"), path, found)?;
    }
    Ok(())
}

/// Names and places of what is directly in a folder.
pub(crate) fn entries(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let named = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|name| io::Error::other(format!("{} is no UTF-8", name.display())))?;
        Ok((name, entry.path()))
    };
    fs::read_dir(folder)?.map(named).collect()
}

/// The SHA-256 of all sources, in hex: of each its path, a zero byte, its length in 8 bytes (the
/// highest first) and its bytes.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn stamp(sources: &[(String, PathBuf)]) -> io::Result<String> {
    let mut hash = Sha256::new();
    for (name, path) in sources {
        let bytes = fs::read(path)?;
        hash.update(name);
        hash.update([0]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stamp of a folder with these files.
    fn stamp_of(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        stamp(&list(folder.path()).expect("listed")).expect("read")
    }

    #[test]
    fn paths_and_contents_make_the_stamp() {
        // printf 'a.ts\0\0\0\0\0\0\0\0\3one' | sha256sum
        let one = "34f546cf0949dbe1d70d3b415e0dbebedb33ed60eb839e0def2211e71f3f3000";
        assert_eq!(stamp_of(&[("a.ts", "one")]), one);
        // printf 'a-b.ts\0\0\0\0\0\0\0\0\0a/b.ts\0\0\0\0\0\0\0\0\1x' | sha256sum
        assert_eq!(
            stamp_of(&[("a/b.ts", "x"), ("a-b.ts", "")]),
            "4a2014a7b7666b21db5645e5638107b34da1285c2c8c692c87039460b32eb082"
        );
        for others in [&[("b.ts", "one")][..], &[("a.ts", "One")], &[("a.ts", "one"), ("b.ts", "")]] {
            assert_ne!(stamp_of(others), one, "{others:?}");
        }
    }

    #[test]
    fn packages_and_tests_have_no_say() {
        let sources = [("a.ts", "one"), ("src/tests/b.ts", "two")];
        let more = [("node_modules/x/index.js", "x"), ("tests/tonight.test.mjs", "y")];
        assert_eq!(stamp_of(&[&sources[..], &more].concat()), stamp_of(&sources));
        assert_ne!(stamp_of(&sources), stamp_of(&sources[..1]));
    }
}
