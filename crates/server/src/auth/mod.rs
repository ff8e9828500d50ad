//! Who may do what: the admin key, the tokens it buys, the slowing down of guesses, and how much one
//! address may ask for.

mod channels;
mod key;
mod origin;
mod places;
mod proxies;
mod rate;
mod slowdown;
mod token;
mod web_origin;

use std::net::IpAddr;

use fanfare_model::Timestamp;
use fanfare_store::{Error, Store, settings};

pub(crate) use self::{
    channels::{AccessRequest, ChannelAuth, Denial, Grant, Protocol, Signed},
    key::AdminKey,
    places::{Place, Places},
    proxies::TrustedProxies,
    rate::Rate,
    token::Claims,
    web_origin::origin_allowed,
};
use self::{key::KEY_HASH_SETTING, origin::origin, slowdown::Slowdown, token::Tokens};
use crate::timers::Clock;

/// The setting that holds the earliest `iat` of a valid token, in seconds.
const TOKENS_VALID_FROM_SETTING: &str = "tokens_valid_from_s";

/// Checks keys and tokens.
pub(crate) struct Auth {
    key: AdminKey,
    tokens: Tokens,
    slowdown: Slowdown,
    clock: Clock,
}

/// Why a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginRefused {
    /// The key is not the admin key.
    WrongKey,
    /// Too many wrong keys came from this address.
    SlowDown {
        /// Whole seconds until the next try is looked at.
        retry_after_s: u64,
    },
}

impl Auth {
    /// Reads what the database holds of keys and tokens. `configured_key` beats a stored one;
    /// without either a key is generated, stored hashed and returned beside, to be shown once.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn load(
        store: &Store,
        configured_key: Option<&str>,
        jwt_secret: &[u8],
        clock: Clock,
    ) -> Result<(Self, Option<String>), Error> {
        let (hash, valid_from) = store
            .read(|db| {
                let hash = settings::get(db, KEY_HASH_SETTING)?;
                Ok::<_, Error>((hash, settings::get(db, TOKENS_VALID_FROM_SETTING)?))
            })
            .await?;
        let (key, generated) = match (configured_key, hash) {
            (Some(key), _) => (AdminKey::of(key), None),
            (None, Some(hash)) => {
                (AdminKey::from_hash(&hash).ok_or_else(|| bad_setting(KEY_HASH_SETTING))?, None)
            }
            (None, None) => {
                let text = key::generate();
                let key = AdminKey::of(&text);
                key::store_hash(store, &key).await?;
                (key, Some(text))
            }
        };
        let valid_from_s = match valid_from {
            None => 0,
            Some(text) => text.parse().map_err(|_| bad_setting(TOKENS_VALID_FROM_SETTING))?,
        };
        let tokens = Tokens::new(jwt_secret, valid_from_s);
        Ok((Self { key, tokens, slowdown: Slowdown::default(), clock }, generated))
    }

    /// Trades the admin key for a token of 24 hours.
    ///
    /// # Errors
    /// [`LoginRefused`]; a wrong key counts against `address`.
    pub(crate) fn login(&self, key: &str, address: IpAddr) -> Result<String, LoginRefused> {
        let now = self.clock.tick();
        self.slowdown
            .check(address, now)
            .map_err(|retry_after_s| LoginRefused::SlowDown { retry_after_s })?;
        if self.key.matches(key) {
            self.slowdown.succeeded(address);
            Ok(self.tokens.issue(self.clock.now()))
        } else {
            self.slowdown.failed(address, now);
            Err(LoginRefused::WrongKey)
        }
    }

    /// The claims of a valid admin token.
    pub(crate) fn admin(&self, token: &str) -> Option<Claims> {
        self.claims(token).filter(Claims::is_admin)
    }

    /// The claims of a valid token, whoever it is for.
    pub(crate) fn claims(&self, token: &str) -> Option<Claims> {
        self.tokens.verify(token, self.clock.now())
    }

    /// Whether it is a valid admin token now.
    pub(crate) fn is_admin_token(&self, token: &str) -> bool {
        self.admin(token).is_some()
    }
}

/// An admin token of a few minutes for somebody on this machine who can read its secret.
pub(crate) fn short_token(jwt_secret: &[u8], now: Timestamp) -> String {
    Tokens::new(jwt_secret, 0).issue_short(now)
}

/// Makes a new admin key, stores its hash and ends all tokens; returns the key, to be shown once.
///
/// # Errors
/// The store's; then the old key and tokens go on.
pub(crate) async fn replace_key(store: &Store, clock: &Clock) -> Result<String, Error> {
    let text = key::generate();
    let hash = AdminKey::of(&text).hash_hex();
    // `iat` has no fraction: a token of this very second must end too, so the next one counts.
    let valid_from_s = (clock.now().as_seconds() + 1).to_string();
    store
        .write(move |tx| {
            settings::set(tx, KEY_HASH_SETTING, &hash)?;
            settings::set(tx, TOKENS_VALID_FROM_SETTING, &valid_from_s)
        })
        .await?;
    Ok(text)
}

fn bad_setting(name: &str) -> Error {
    Error::Bug(format!("the setting {name} in the database is damaged"))
}
