//! `fanfare export`: the library or one session, out of the running server.

use std::path::{Path, PathBuf};

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

/// Fetches it whole, then writes it, so that no half of it is ever taken for all.
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
            std::fs::write(file, &reply.body)
                .map_err(|error| Failure::Environment(format!("cannot write {}: {error}", file.display())))?;
            say(&format!("{}: {} bytes written", file.display(), reply.body.len()));
            Ok(())
        }
        _ => print_bytes(&reply.body),
    }
}
