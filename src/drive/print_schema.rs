//! The schema that a server prints of its own protocol.
//!
//! The executable writes its schema into a folder below the root of homes, in the same scrubbed
//! environment as a server. An executable that prints none, or something else, is not a fault: the
//! reason is handed on.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::home::root::Root;
use crate::protocol::schema::Schema;
use crate::server::{Launch, Server};

/// The one file, of some hundreds, that has every definition.
const BUNDLE: &str = "codex_app_server_protocol.schemas.json";

/// An executable that is printing its schema.
pub(super) struct SchemaPrinter {
    server: Server,
    folder: PathBuf,
}

impl SchemaPrinter {
    /// Starts the executable.
    ///
    /// # Errors
    /// A folder that cannot be made or a process that cannot be started, in words.
    pub(super) fn start(executable: &Path, root: &Root) -> Result<SchemaPrinter, String> {
        let none = |error: &io::Error| format!("cannot make a folder for it: {error}");
        let folder = root.folder().map_err(|error| none(&error))?;
        let out = folder.join("schema");
        fs::create_dir(&out).map_err(|error| none(&error))?;
        let mut launch = Launch::new(executable, &folder);
        let words = ["app-server", "generate-json-schema", "--experimental", "--out"];
        launch.arguments = words.map(str::to_owned).to_vec();
        launch.arguments.push(out.display().to_string());
        let server = Server::start(&launch).map_err(|error| error.to_string())?;
        Ok(SchemaPrinter { server, folder })
    }

    /// Waits until it ends, reads what it wrote, and removes that.
    ///
    /// # Errors
    /// Why there is no schema, in words.
    pub(super) fn finish(mut self, timeout: Duration) -> Result<Schema, String> {
        let ended = self.server.stop(Instant::now() + timeout);
        let text = fs::read_to_string(self.folder.join("schema").join(BUNDLE));
        drop(fs::remove_dir_all(&self.folder));
        match text {
            Ok(text) => Schema::read(&text).map_err(|error| error.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let last = ended.stderr_tail.lines().last().unwrap_or("nothing");
                Err(format!("it wrote none; last on its stderr: {last}"))
            }
            Err(error) => Err(format!("cannot read it: {error}")),
        }
    }
}
