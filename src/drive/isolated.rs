//! A server of one's own: a home, a stand-in for the model, a client, and nothing else.
//!
//! For tests of other clients and servers, which drive it themselves. Its home is apart from the
//! person's own, its model is on loopback, and all of it goes when it is dropped.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::TestBed;
use super::session::Session;
use super::test_bed::NoTestBed;
use crate::client::Client;
use crate::home::Home;
use crate::mock_model::ModelSession;
use crate::policy::{Defaults, Policy};
use crate::protocol::policy::of_reply;
use crate::server::Ended;

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
    stage: ModelSession,
    home: Home,
    test_bed: Arc<TestBed>,
}

impl TestBed {
    /// Starts a server on a new home with these defaults.
    ///
    /// # Errors
    /// A home that cannot be made, or a server that does not take the handshake.
    pub fn open(self: Arc<TestBed>, defaults: &Defaults) -> Result<Isolated, NoTestBed> {
        let ours = |source| NoTestBed::Ours { what: "make a home", source };
        let (stage, home) = (self.upstream.session(), self.home().map_err(ours)?);
        home.configure(defaults, self.profile, &stage.base_url()).map_err(ours)?;
        let session = self.session(&home)?;
        Ok(Isolated { session, stage, home, test_bed: self })
    }
}

impl Isolated {
    /// The connection.
    pub fn client(&mut self) -> &mut Client {
        &mut self.session.client
    }

    /// The model: what it answers, and what it was asked.
    pub fn model(&self) -> &ModelSession {
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
        self.home.configure(defaults, self.test_bed.profile, &self.stage.base_url())
    }

    /// Ends the server as a client does, and starts it again on the same home.
    ///
    /// # Errors
    /// A server that does not take the handshake.
    pub fn restart(&mut self) -> Result<(), NoTestBed> {
        self.session.stop(&self.test_bed);
        self.session = self.test_bed.session(&self.home)?;
        Ok(())
    }

    /// Ends the server as a client does, and tells how it ended.
    pub fn stop(mut self) -> Ended {
        self.session.stop(&self.test_bed)
    }
}
