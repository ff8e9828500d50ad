//! Signing in.

use std::net::IpAddr;

use super::{App, Error};
use crate::auth::LoginRefused;

impl App {
    /// Trades the admin key for a token; wrong keys count against `address`.
    pub(crate) fn login(&self, key: &str, address: IpAddr) -> Result<String, Error> {
        self.auth.login(key, address).map_err(|refused| match refused {
            LoginRefused::WrongKey => Error::WrongKey,
            LoginRefused::SlowDown { retry_after_s } => Error::TooManyLogins { retry_after_s },
        })
    }
}
