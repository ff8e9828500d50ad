//! The dashboard: the files that browsers get, embedded in the program.
//!
//! They are built from `web/`, the only part that needs Node; see the build script for when. How
//! they are served is not decided here.

#[cfg(test)]
mod sources;

use rust_embed::EmbeddedFile;

// `Dashboard`, which embeds what the build script put there.
include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

/// The file of that name, from the root of the build and with `/`: `index.html`, `overlay.html`,
/// `favicon.svg`, `assets/…`. Text has its compressed forms beside it, `….br` and `….gz`.
pub fn file(name: &str) -> Option<EmbeddedFile> {
    Dashboard::get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_there_and_nothing_that_only_the_build_needs() {
        for name in ["index.html", "overlay.html"] {
            let page = file(name).expect(name);
            assert!(page.data.starts_with(b"<!doctype html>"), "{name}");
            assert_eq!(page.metadata.mimetype(), "text/html");
        }
        for name in ["stamp", "index.htm", "", "../Cargo.toml"] {
            assert!(file(name).is_none(), "{name}");
        }
    }
}
