//! Reading what is to be imported: from a file or from standard input, up to a limit, as UTF-8.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::Failure;

/// What a file is called in messages.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// The text of a file; `-` is standard input.
pub(super) fn read(path: &Path, max_bytes: usize) -> Result<String, Failure> {
    let name = name(path);
    let refused = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::Setting(format!("cannot read {name}: there is no such file")),
        io::ErrorKind::IsADirectory => Failure::Setting(format!("cannot read {name}: it is a folder")),
        _ => Failure::Environment(format!("cannot read {name}: {error}")),
    };
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|error| refused(&error))?)
    };
    let mut bytes = Vec::new();
    source.take(max_bytes as u64 + 1).read_to_end(&mut bytes).map_err(|error| refused(&error))?;
    if bytes.len() > max_bytes {
        return Err(too_large(&name, max_bytes));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].split(|byte| *byte == b'\n').count();
        Failure::Environment(format!("{name} is not UTF-8: look at line {line}, and save it as UTF-8"))
    })
}

/// More than can be sent.
pub(super) fn too_large(name: &str, max_bytes: usize) -> Failure {
    Failure::Environment(format!("{name} is too large: at most {} MiB can be imported", max_bytes >> 20))
}
