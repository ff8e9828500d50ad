//! `fanfare export`: the library or one session, out of the running server.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Failure, client::Client, print_bytes, say};

/// What is wanted, and where to.
#[derive(clap::Args)]
pub(super) struct ExportArgs {
    /// This session instead of the library
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    session: Option<i64>,

    /// How a session is written [default: txt]
    #[arg(long, value_name = "FORMAT", requires = "session")]
    format: Option<Format>,

    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a session is written.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For programs
    Json,
    /// For people
    Txt,
}

/// Fetches it whole, then writes it.
pub(super) async fn export(client: &Client, args: &ExportArgs) -> Result<(), Failure> {
    let path = match args.session {
        None => "/api/games/export/csv".to_owned(),
        Some(id) => {
            let format = match args.format {
                Some(Format::Json) => "json",
                Some(Format::Txt) | None => "txt",
            };
            format!("/api/sessions/{id}/export?format={format}")
        }
    };
    let reply = client.get(&path).await?;
    if !reply.status.is_success() {
        return Err(client.refusal(&reply));
    }
    match &args.out {
        Some(file) if file != Path::new("-") => {
            write(file, &reply.body)
                .map_err(|error| Failure::Environment(format!("cannot write {}: {error}", file.display())))?;
            say(&format!("{}: {} bytes written", file.display(), reply.body.len()));
            Ok(())
        }
        _ => print_bytes(&reply.body),
    }
}

/// Writes beside the file and renames, so that no half of it is ever taken for all. What is no file,
/// like a pipe, is written to as it is.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // Behind links, which stay.
    let path = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let earlier = fs::metadata(&path).ok();
    let name = match path.file_name() {
        Some(name) if earlier.as_ref().is_none_or(fs::Metadata::is_file) => name,
        _ => return fs::write(file, bytes),
    };
    let mut draft_name = name.to_owned();
    draft_name.push(format!(".{}.part", std::process::id()));
    let draft = path.with_file_name(draft_name);
    let written = (|| {
        let mut out = OpenOptions::new().write(true).create_new(true).open(&draft)?;
        if let Some(earlier) = &earlier {
            out.set_permissions(earlier.permissions())?;
        }
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&draft, &path)
    })();
    if written.is_err() {
        // It may not even have been made.
        let _ = fs::remove_file(&draft);
    }
    written
}
