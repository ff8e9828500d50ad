//! Values that must not be seen: the type that hides them, and how a database URL is shown.

/// What is shown in place of a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// A URL with its passwords hidden, of a database or of anything else. When in doubt it hides too much: everything between
/// the first colon after the scheme and the last `@`, since a password may hold any character.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return match url.rsplit_once('@') {
            Some((_, host)) if !url.starts_with("sqlite:") => format!("{HIDDEN}@{host}"),
            _ => url.to_owned(),
        };
    };
    let rest = match rest.rsplit_once('@') {
        Some((credentials, host)) => {
            let user = credentials.split_once(':').map(|(user, _)| user);
            user.map_or_else(|| rest.to_owned(), |user| format!("{user}:{HIDDEN}@{host}"))
        }
        None => rest.to_owned(),
    };
    let (place, query) = rest.split_once('?').unwrap_or((&rest, ""));
    if query.is_empty() {
        return format!("{scheme}://{rest}");
    }
    let parameters: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}={HIDDEN}"),
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{scheme}://{place}?{}", parameters.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_debugged() {
        assert_eq!(format!("{:?}", Some(Secret("hunter2".to_owned()))), "Some((hidden))");
    }

    #[test]
    fn a_database_url_shows_all_but_its_passwords() {
        for (url, shown) in [
            ("sqlite:data/fanfare.db", "sqlite:data/fanfare.db"),
            ("sqlite:a@b.db", "sqlite:a@b.db"),
            ("fan:pw@host", "(hidden)@host"),
            ("http:fan:pw@host", "(hidden)@host"),
            ("postgres://localhost/fanfare", "postgres://localhost/fanfare"),
            ("postgres://fan@localhost/fanfare", "postgres://fan@localhost/fanfare"),
            ("postgres://fan:pw@localhost/fanfare", "postgres://fan:(hidden)@localhost/fanfare"),
            ("postgres://fan:p@w:/?x@localhost/fanfare", "postgres://fan:(hidden)@localhost/fanfare"),
            ("postgres://fan:12/34@h/db?sslmode=require", "postgres://fan:(hidden)@h/db?sslmode=require"),
            (
                "postgresql:///db?host=/run&password=pw&sslmode=require",
                "postgresql:///db?host=/run&password=(hidden)&sslmode=require",
            ),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
