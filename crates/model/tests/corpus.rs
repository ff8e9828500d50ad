//! Runs the corpus of each fuzz target through what the target does, on a stable compiler.

use std::path::Path;

#[path = "../../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a crate of its own for the fuzz targets")]
mod targets;

fn run(target: &str, with: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files: Vec<_> = std::fs::read_dir(folder).expect("a corpus").collect();
    assert!(files.len() >= 10, "{} files", files.len());
    for file in files {
        let path = file.expect("a file").path();
        println!("{}", path.display());
        with(&std::fs::read(path).expect("a file"));
    }
}

#[test]
fn broadcasting() {
    run("broadcasting", targets::broadcasting);
}

#[test]
fn pusher() {
    run("pusher", targets::pusher);
}
