//! `fanfare openapi`: prints what describes the API. Needs neither a server nor a configuration.

use std::process::ExitCode;

use super::{Failure, print};
use crate::api;

/// Prints the OpenAPI description, or the AsyncAPI one.
pub(super) fn openapi(asyncapi: bool) -> Result<ExitCode, Failure> {
    let document = if asyncapi { api::asyncapi() } else { api::openapi() };
    print(&format!("{document:#}\n"))?;
    Ok(ExitCode::SUCCESS)
}
