//! Takes the two files of Swagger UI that `/docs` needs out of the archive in which they are
//! published, compressed as they will be sent.

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, Cursor, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for file in FILES {
        // The archive is a whole release, in a folder named after its version.
        let names = archive.file_names().collect::<Result<Vec<_>, _>>()?;
        let suffix = format!("/dist/{file}");
        let is_wanted = |name: &str| name.ends_with(&suffix) && name.matches('/').count() == 2;
        let name = names.iter().find(|name| is_wanted(name)).ok_or_else(|| format!("no {file}"))?.to_string();
        let compressed = File::create(Path::new(&out).join(format!("{file}.gz")))?;
        let mut encoder = GzEncoder::new(compressed, Compression::best());
        io::copy(&mut archive.by_name(&name)?, &mut encoder)?;
        encoder.finish()?.flush()?;
    }
    Ok(())
}
