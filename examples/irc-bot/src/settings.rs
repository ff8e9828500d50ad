//! What the environment says.

use http::Uri;

/// The port of IRC without and with TLS.
const PORTS: (u16, u16) = (6667, 6697);

/// Where the bot goes and as whom. It has no `Debug`: it holds secrets.
pub(crate) struct Settings {
    pub(crate) irc_host: String,
    pub(crate) irc_port: u16,
    pub(crate) irc_tls: bool,
    pub(crate) irc_password: Option<String>,
    pub(crate) channel: String,
    pub(crate) nick: String,
    /// With a scheme and a host.
    pub(crate) fanfare: Uri,
    pub(crate) admin_key: String,
}

impl Settings {
    /// Reads them by name.
    ///
    /// # Errors
    /// A line that says what is missing or wrong.
    pub(crate) fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let optional = |name: &str| get(name).filter(|value| !value.is_empty());
        let required = |name: &str| optional(name).ok_or(format!("set {name}"));
        let plain = |name: &str, value: String| {
            let is_plain = !value.contains(|c: char| c.is_control() || c == ' ' || c == ',');
            if is_plain { Ok(value) } else { Err(format!("{name} must not hold blanks or commas")) }
        };
        let irc_tls = match optional("IRC_TLS").as_deref() {
            None | Some("1" | "true") => true,
            Some("0" | "false") => false,
            Some(_) => return Err("IRC_TLS must be 1 or 0".into()),
        };
        let server = required("IRC_SERVER")?;
        let (irc_host, irc_port) = match server.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() => (
                host.trim_matches(['[', ']']).to_owned(),
                port.parse().map_err(|_| "IRC_SERVER has no good port")?,
            ),
            _ => (server, if irc_tls { PORTS.1 } else { PORTS.0 }),
        };
        let url = optional("FANFARE_URL").unwrap_or_else(|| "http://127.0.0.1:5000".into());
        let fanfare: Uri = url.parse().map_err(|_| "FANFARE_URL is no URL")?;
        if !matches!(fanfare.scheme_str(), Some("http" | "https")) || fanfare.host().is_none() {
            return Err("FANFARE_URL must begin with http:// or https://".into());
        }
        Ok(Self {
            irc_host,
            irc_port,
            irc_tls,
            irc_password: optional("IRC_PASSWORD"),
            channel: plain("IRC_CHANNEL", required("IRC_CHANNEL")?)?,
            nick: plain("IRC_NICK", optional("IRC_NICK").unwrap_or_else(|| "fanfare".into()))?,
            fanfare,
            admin_key: required("FANFARE_ADMIN_KEY")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let base = [("IRC_SERVER", "irc.example.org"), ("IRC_CHANNEL", "#games"), ("FANFARE_ADMIN_KEY", "k")];
        Settings::from_env(|name| {
            let found = pairs.iter().chain(&base).find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn three_settings_are_enough() {
        let settings = read(&[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (settings.irc_host.as_str(), settings.irc_port, settings.irc_tls),
            ("irc.example.org", 6697, true)
        );
        assert_eq!((settings.nick.as_str(), settings.fanfare.port_u16()), ("fanfare", Some(5000)));
        let plain = read(&[("IRC_TLS", "0")]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(plain.irc_port, 6667);
        let local = read(&[("IRC_SERVER", "[::1]:7000")]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((local.irc_host.as_str(), local.irc_port), ("::1", 7000));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            ("IRC_SERVER", ""),
            ("IRC_SERVER", "irc.example.org:x"),
            ("IRC_CHANNEL", "#a\r\nQUIT"),
            ("IRC_NICK", "a b"),
            ("IRC_TLS", "maybe"),
            ("FANFARE_URL", "localhost:5000"),
            ("FANFARE_ADMIN_KEY", ""),
        ] {
            assert!(read(&[(name, value)]).is_err_and(|error| error.contains(name)), "{name}={value}");
        }
    }
}
