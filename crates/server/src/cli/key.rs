//! `fanfare key new`: a new admin key while no server runs.

use std::{io::Write, process::ExitCode, sync::Arc};

use fanfare_store::OpenError;

use super::{Failure, print, runtime};
use crate::{
    auth,
    config::{Loaded, Origin},
    data_folder::{self, DataFolderError},
    timers::Clock,
};

/// Replaces the admin key and prints the new one, alone, on standard output.
pub(super) fn new(loaded: &Loaded) -> Result<ExitCode, Failure> {
    if let origin @ (Origin::File { .. } | Origin::Environment(_) | Origin::Flag(_)) =
        loaded.origin("admin_key")
    {
        return Err(Failure::Setting(format!(
            "{origin}: admin_key is set there, so it can only be replaced there"
        )));
    }
    let config = &loaded.config;
    let options = config.store_options()?;
    if !config.data.is_dir() {
        // Otherwise a slip in the path would make a second, empty installation.
        return Err(Failure::Environment(format!(
            "there is no data folder {}; `fanfare serve` makes one",
            config.data.display()
        )));
    }
    let _folder = data_folder::open(&config.data).map_err(|error| match error {
        DataFolderError::InUse { path, holder } => {
            in_use(&holder, &format!("the data folder {}", path.display()))
        }
        other => Failure::Environment(other.to_string()),
    })?;
    let (store, _commits) = fanfare_store::open(options, Arc::new(|_| ())).map_err(|error| match error {
        OpenError::Held(holder) => in_use(&holder, "the database"),
        other => Failure::Environment(other.to_string()),
    })?;
    let key = runtime()?.block_on(async {
        let key = auth::replace_key(&store, &Clock::real()).await;
        store.close().await;
        key
    });
    let key = key.map_err(|error| Failure::Environment(format!("the admin key is unchanged: {error}")))?;
    print(&format!("{key}\n"))?;
    let _ = writeln!(
        std::io::stderr(),
        "This is the new admin key; it is not shown again. The old one and all tokens are void."
    );
    Ok(ExitCode::SUCCESS)
}

fn in_use(holder: &str, what: &str) -> Failure {
    Failure::Environment(format!(
        "a server ({holder}) is using {what}; stop it, run this again, then start it"
    ))
}
