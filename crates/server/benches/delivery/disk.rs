//! How long the disk under the database takes to make something durable.

use std::{fs::File, io::Write as _, path::Path};

use crate::{clock, figures::Latencies};

/// A page of SQLite, which a small commit writes about so many of.
const WRITE_BYTES: usize = 4 << 10;

/// A file that is written to and synchronised.
pub(crate) struct Disk {
    file: File,
    took: Latencies,
}

impl Disk {
    /// Makes one in that folder.
    pub(crate) fn at(folder: &Path) -> Self {
        let file = File::create(folder.join("fdatasync")).expect("a file");
        Self { file, took: Latencies::default() }
    }

    /// Writes and synchronises once.
    pub(crate) fn sync(&mut self) {
        let started = clock::now_ns();
        self.file.write_all(&[7; WRITE_BYTES]).expect("there is room");
        self.file.sync_data().expect("synchronised");
        self.took.add(started, clock::now_ns());
    }

    /// What it took so far.
    pub(crate) fn latencies(mut self, syncs: usize) -> Latencies {
        for _ in 0..syncs {
            self.sync();
        }
        self.took
    }
}
