//! Connections to PostgreSQL that are encrypted, and to whom.

use std::sync::Arc;

use fanfare_store::{
    Location, OpenError, Options,
    testing::{POSTGRES_CA, TestDatabase, texts},
};

use crate::support::read;

/// The database's URL with another host (the same one for `None`) and this query.
fn url(database: &TestDatabase, host: Option<&str>, query: &str) -> String {
    let Location::Postgres(url) = database.location() else { panic!("a PostgreSQL URL") };
    let url = url.split('?').next().unwrap_or(url);
    let (user, rest) = url.split_once('@').expect("a user");
    let (address, name) = rest.split_once('/').expect("a database");
    let (same, port) = address.rsplit_once(':').expect("a port");
    format!("{user}@{}:{port}/{name}?{query}", host.unwrap_or(same))
}

/// Opens the database at this URL and says whether the connection that reads is encrypted.
async fn is_encrypted(database: &TestDatabase, url: String) -> Result<bool, OpenError> {
    let options = Options { location: Location::Postgres(url), ..database.options() };
    let (store, _commits) = fanfare_store::open(options, Arc::new(|_| ()))?;
    let sql = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
    let ssl = read(&store, move |db| texts(db, sql, 1)).await.concat();
    store.close().await;
    Ok(ssl == ["true"])
}

#[tokio::test]
async fn the_url_says_whom_to_trust() {
    let database = TestDatabase::postgres();
    let Ok(ca) = std::env::var(POSTGRES_CA) else {
        panic!("{POSTGRES_CA} is not set: run `cargo xtask test`, which starts a PostgreSQL server")
    };
    let verified = format!("sslmode=verify-full&sslrootcert={ca}");
    for (host, query, encrypted) in [
        (None, "sslmode=disable", Some(false)),
        (None, "sslmode=prefer", Some(true)),
        (None, "sslmode=require", Some(true)),
        (Some("localhost"), &verified, Some(true)),
        (Some("localhost"), "sslmode=verify-full", None),
        (Some("127.0.0.1"), &verified, None),
    ] {
        match (is_encrypted(&database, url(&database, host, query)).await, encrypted) {
            (Ok(found), Some(expected)) => assert_eq!(found, expected, "{host:?} {query}"),
            (Err(OpenError::Unavailable(text)), None) => {
                assert!(text.contains("certificate"), "{host:?} {query}: {text}");
            }
            (result, _) => panic!("{host:?} {query}: {result:?}"),
        }
    }
}
