//! A certificate authority and a server certificate for `localhost`, good for a few days of tests.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::process::read;

/// Clients that check names and purposes ask for these extensions.
const CONFIG: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
commonName = Fanfare test
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
";

/// Writes `ca.pem`, `server.pem` and `server.key` into `folder`. `openssl` starts that program
/// with the arguments it is given, in that folder.
pub(crate) fn generate(folder: &Path, openssl: impl Fn(&str) -> Command) -> Result<()> {
    let config = folder.join("openssl.cnf");
    fs::write(&config, CONFIG).context("cannot write openssl.cnf")?;
    // It is read by the server's user, which need not be ours.
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644))?;
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config openssl.cnf";
    for arguments in [
        format!("req -x509 {key} -extensions authority -days 7 -keyout ca.key -out ca.pem"),
        format!("req -new {key} -keyout server.key -out server.csr"),
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 7 -sha256 \
         -extfile openssl.cnf -extensions server -out server.pem"
            .to_owned(),
    ] {
        read(&mut openssl(&arguments)).context("cannot make a certificate")?;
    }
    Ok(())
}
