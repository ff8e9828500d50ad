//! Whom TLS believes. Opens no connection.

use std::path::Path;

use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject},
    },
};

/// The authorities that may vouch for a server: those that browsers know, and the operator's own.
#[derive(Debug, Clone)]
pub(crate) struct Roots(RootCertStore);

impl Roots {
    /// Those that browsers know, and the certificates in `file` (PEM), if there is one. A file may hold a
    /// server's own certificate too, as long as that signed itself.
    ///
    /// # Errors
    /// One line that names the file: it cannot be read, it holds none, or one that is broken.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, String> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let Some(file) = file else { return Ok(Self(store)) };
        let failed = |why: &dyn std::fmt::Display| format!("delivery.ca_file {}: {why}", file.display());
        let unread = |error: pem::Error| match error {
            pem::Error::Io(error) => failed(&error),
            _ => failed(&"a certificate in it is cut off or no PEM"),
        };
        let known = store.len();
        for certificate in CertificateDer::pem_file_iter(file).map_err(unread)? {
            let unusable = |error| failed(&format!("a certificate in it cannot be used: {error}"));
            store.add(certificate.map_err(unread)?).map_err(unusable)?;
        }
        if store.len() == known {
            return Err(failed(&"there is no certificate in it"));
        }
        Ok(Self(store))
    }

    /// For a TLS client.
    pub(super) fn into_store(self) -> RootCertStore {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_vouches_for_nobody_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        let failure = || Roots::load(Some(&file)).expect_err("no roots");
        let missing = format!("delivery.ca_file {}: No such file", file.display());
        assert!(failure().starts_with(&missing), "{}", failure());
        for (text, why) in [
            ("", "there is no certificate in it"),
            ("hello", "there is no certificate in it"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "a certificate in it cannot be used: ",
            ),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "a certificate in it is cut off or no PEM"),
        ] {
            fs::write(&file, text).expect("written");
            assert!(failure().contains(why), "{text}: {}", failure());
        }
    }

    #[test]
    fn the_browsers_roots_stay() {
        let public = Roots::load(None).expect("they are built in").into_store();
        assert_eq!(public.len(), webpki_roots::TLS_SERVER_ROOTS.len());
    }
}
