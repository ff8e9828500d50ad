//! TLS to PostgreSQL: what `sslmode` and `sslrootcert` of the URL mean.
//!
//! The driver knows neither `verify-full` nor `sslrootcert`, so both are taken out of the URL
//! before it sees it.

use std::sync::Arc;

use postgres::config::SslMode;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What is asked of the server's TLS, in libpq's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    /// None.
    Disable,
    /// If the server has it; whose certificate it is does not matter.
    Prefer,
    /// Always; whose certificate it is does not matter.
    Require,
    /// Always, and the certificate must bear the host's name and come from a root in this PEM
    /// file, or from one of Mozilla's.
    VerifyFull { roots: Option<String> },
}

/// How to connect.
#[derive(Clone)]
pub(crate) enum Connector {
    Plain,
    Rustls(MakeRustlsConnect),
}

impl Mode {
    /// Takes `sslmode` and `sslrootcert` out of the URL; `prefer` is the default, as in libpq.
    pub(crate) fn split(url: &str) -> Result<(String, Self), String> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut others) = ("prefer", None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = value,
                Some(("sslrootcert", value)) => roots = Some(percent_decoded(value)?),
                _ => others.push(pair),
            }
        }
        let mode = match (mode, roots) {
            ("verify-full", roots) => Self::VerifyFull { roots },
            (_, Some(_)) => return Err("sslrootcert needs sslmode=verify-full".into()),
            ("disable", None) => Self::Disable,
            ("prefer", None) => Self::Prefer,
            ("require", None) => Self::Require,
            _ => return Err("sslmode must be disable, prefer, require or verify-full".into()),
        };
        let question_mark = if others.is_empty() { "" } else { "?" };
        Ok((format!("{base}{question_mark}{}", others.join("&")), mode))
    }

    pub(crate) fn ssl_mode(&self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyFull { .. } => SslMode::Require,
        }
    }

    /// The connector for this mode; reads the file of roots.
    pub(crate) fn connector(&self) -> Result<Connector, String> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let config = match self {
            Self::Disable => return Ok(Connector::Plain),
            Self::Prefer | Self::Require => {
                config.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            }
            Self::VerifyFull { roots } => config.with_root_certificates(root_store(roots.as_deref())?),
        };
        Ok(Connector::Rustls(MakeRustlsConnect::new(config.with_no_client_auth())))
    }
}

fn root_store(file: Option<&str>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let Some(file) = file else {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(store);
    };
    let failed = |error: &dyn std::fmt::Display| format!("sslrootcert {file}: {error}");
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))? {
        store.add(certificate.map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
    }
    if store.is_empty() { Err(failed(&"holds no certificate")) } else { Ok(store) }
}

fn percent_decoded(text: &str) -> Result<String, String> {
    let broken = || "sslrootcert is not percent-encoded as a URL must be".to_owned();
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
            bytes.push(digits.and_then(|d| u8::from_str_radix(d, 16).ok()).ok_or_else(broken)?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).map_err(|_| broken())
}

/// Takes every certificate: the connection is encrypted, but whose it is stays open.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_the_mode() {
        for (query, rest, mode) in [
            ("", "", Ok(Mode::Prefer)),
            ("?sslmode=disable", "", Ok(Mode::Disable)),
            ("?sslmode=prefer", "", Ok(Mode::Prefer)),
            ("?a=1&sslmode=require&b=2", "?a=1&b=2", Ok(Mode::Require)),
            ("?sslmode=verify-full", "", Ok(Mode::VerifyFull { roots: None })),
            (
                "?sslmode=verify-full&sslrootcert=/etc/a%20b.pem",
                "",
                Ok(Mode::VerifyFull { roots: Some("/etc/a b.pem".into()) }),
            ),
            ("?sslmode=verify-ca", "", Err("sslmode must be disable, prefer, require or verify-full")),
            ("?sslrootcert=/x.pem", "", Err("sslrootcert needs sslmode=verify-full")),
            ("?sslmode=require&sslrootcert=/x.pem", "", Err("sslrootcert needs sslmode=verify-full")),
            (
                "?sslmode=verify-full&sslrootcert=%2",
                "",
                Err("sslrootcert is not percent-encoded as a URL must be"),
            ),
        ] {
            let expected = mode.map(|mode| (format!("postgres://h/db{rest}"), mode)).map_err(str::to_owned);
            assert_eq!(Mode::split(&format!("postgres://h/db{query}")), expected, "{query}");
        }
    }

    #[test]
    fn a_root_file_must_hold_certificates() {
        let mode = Mode::VerifyFull { roots: Some("/nonexistent/roots.pem".into()) };
        assert!(mode.connector().is_err_and(|text| text.contains("/nonexistent/roots.pem")));
        assert!(Mode::VerifyFull { roots: None }.connector().is_ok());
    }
}
