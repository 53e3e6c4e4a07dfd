//! [edge] A server of one's own: a home, a stand-in for the model, a client, and nothing else.
//!
//! For tests of other clients and servers, which drive it themselves. Its home is apart from the
//! person's own, its model is on loopback, and all of it goes when it is dropped.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::Bench;
use super::bench::NoBench;
use super::session::Session;
use crate::client::Client;
use crate::disk::Home;
use crate::policy::{Defaults, Policy};
use crate::server::Ended;
use crate::upstream::Stage;
use crate::wire::policy::of_reply;

/// A running server with a home and a model of its own, and a connection to it.
///
/// ```
/// # use std::{error::Error, ops::ControlFlow, sync::Arc, time::{Duration, Instant}};
/// # use heirloom::{disk::Profile, drive::{Bench, Patience}, policy::Defaults, provision};
/// # use serde_json::json;
/// # fn main() -> Result<(), Box<dyn Error>> {
/// # if std::env::var("HEIRLOOM_SERVER").as_deref() == Ok("none") { return Ok(()); }
/// let cache = provision::Cache::user()?;
/// let spec = "0.169.0".parse()?;
/// let found = provision::provide(&spec, &cache, &mut |_| ControlFlow::Continue(()))?;
/// let bench = Bench::prepare(found.path, found.version, Profile::Default, Patience::default())?;
/// let mut server = Arc::new(bench).open(&Defaults::default())?;
///
/// let soon = Instant::now() + Duration::from_secs(30);
/// let start = json!({ "approvalPolicy": "never" });
/// let reply = server.client().call("thread/start", start, soon)??;
/// let policy = server.policy(&reply).expect("the reply to a start states a policy");
/// assert!(policy.to_string().starts_with("approval=never reviewer=user sandbox=read-only"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Isolated {
    // Dropped in this order: the server, then what it runs on, then the root of it all.
    session: Session,
    stage: Stage,
    home: Home,
    bench: Arc<Bench>,
}

impl Bench {
    /// Starts a server on a new home with these defaults.
    ///
    /// # Errors
    /// A home that cannot be made, or a server that does not take the handshake.
    pub fn open(self: Arc<Bench>, defaults: &Defaults) -> Result<Isolated, NoBench> {
        let ours = |source| NoBench::Ours { what: "make a home", source };
        let (stage, home) = (self.upstream.stage(), self.home().map_err(ours)?);
        home.configure(defaults, self.profile, &stage.base_url()).map_err(ours)?;
        let session = self.session(&home)?;
        Ok(Isolated { session, stage, home, bench: self })
    }
}

impl Isolated {
    /// The connection.
    pub fn client(&mut self) -> &mut Client {
        &mut self.session.client
    }

    /// The model: what it answers, and what it was asked.
    pub fn model(&self) -> &Stage {
        &self.stage
    }

    /// Its folders.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The policy that the reply to a start, a fork or a resume states, if it states one.
    pub fn policy(&self, reply: &Value) -> Option<Policy> {
        of_reply(reply, self.home.places())
    }

    /// Changes the defaults in config.toml.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn configure(&self, defaults: &Defaults) -> io::Result<()> {
        self.home.configure(defaults, self.bench.profile, &self.stage.base_url())
    }

    /// Ends the server as a client does, and starts it again on the same home.
    ///
    /// # Errors
    /// A server that does not take the handshake.
    pub fn restart(&mut self) -> Result<(), NoBench> {
        self.session.stop(&self.bench);
        self.session = self.bench.session(&self.home)?;
        Ok(())
    }

    /// Ends the server as a client does, and tells how it ended.
    pub fn stop(mut self) -> Ended {
        self.session.stop(&self.bench)
    }
}
