//! `fanfare config check` and `fanfare config print`. They touch neither the database nor the data
//! folder.

use std::process::ExitCode;

use super::{Failure, print};
use crate::{
    config::{self, Loaded},
    egress::Roots,
};

/// Says that the configuration can be used, and which file it came from.
pub(super) fn check(loaded: &Loaded) -> Result<ExitCode, Failure> {
    loaded.config.store_options()?;
    Roots::load(loaded.config.delivery.ca_file.as_deref()).map_err(Failure::Setting)?;
    let file = loaded.file.display();
    let place = if loaded.file_found {
        format!("read from {file}")
    } else {
        format!("no file; {file} would be read")
    };
    print(&format!("configuration is fine ({place})\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints every setting with where it came from.
pub(super) fn print_all(loaded: &Loaded) -> Result<ExitCode, Failure> {
    print(&config::print(loaded))?;
    Ok(ExitCode::SUCCESS)
}
