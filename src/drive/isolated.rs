//! A server with a home, a model and a client of its own, and nothing else.
//!
//! For tests of other clients and servers, which drive it themselves. Its home is apart from the
//! user's own, its model is on loopback, and everything goes when it is dropped.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::session::Session;
use super::test_bed::{NoTestBed, ServerSlot, TestBed};
use crate::client::Client;
use crate::home::Home;
use crate::mock_model::session::ModelSession;
use crate::policy::{Defaults, Policy};
use crate::protocol::policy::of_reply;
use crate::server::Ended;

/// A running server with a home and a model of its own, and a connection to it.
///
/// ```
/// # use std::{error::Error, ops::ControlFlow, sync::Arc, time::{Duration, Instant}};
/// # use heirloom::drive::{test_bed::TestBed, timeouts::Timeouts};
/// # use heirloom::{policy::Defaults, provision};
/// # use serde_json::json;
/// # fn main() -> Result<(), Box<dyn Error>> {
/// # if std::env::var("HEIRLOOM_SERVER").as_deref() == Ok("none") { return Ok(()); }
/// let cache = provision::Cache::user()?;
/// let spec = "0.169.0".parse()?;
/// let found = provision::fetch::provide(&spec, &cache, &mut |_| ControlFlow::Continue(()))?;
/// let test_bed = TestBed::prepare(found.path, found.version, Timeouts::default())?;
/// let mut server = Arc::new(test_bed).open(&Defaults::default())?;
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
    model: ModelSession,
    home: Home,
    test_bed: Arc<TestBed>,
}

impl TestBed {
    /// Starts a server on a new home with these defaults.
    ///
    /// # Errors
    /// A home that cannot be made, or a server that fails the handshake.
    pub fn open(self: Arc<TestBed>, defaults: &Defaults) -> Result<Isolated, NoTestBed> {
        let ours = |source| NoTestBed::Ours { what: "make a home", source };
        let (model, home) = (self.mock_model.session(), self.home(ServerSlot::Main).map_err(ours)?);
        home.configure(defaults, &model.base_url()).map_err(ours)?;
        let session = self.start(ServerSlot::Main, &home)?;
        Ok(Isolated { session, model, home, test_bed: self })
    }
}

impl Isolated {
    /// The connection.
    pub fn client(&mut self) -> &mut Client {
        &mut self.session.client
    }

    /// The model: its scripts, and the requests that it got.
    pub fn model(&self) -> &ModelSession {
        &self.model
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
        self.home.configure(defaults, &self.model.base_url())
    }

    /// Ends the server as a client does, and starts it again on the same home.
    ///
    /// # Errors
    /// A server that fails the handshake.
    pub fn restart(&mut self) -> Result<(), NoTestBed> {
        self.session.stop();
        self.session = self.test_bed.start(ServerSlot::Main, &self.home)?;
        Ok(())
    }

    /// Ends the server as a client does, and returns how it ended.
    pub fn stop(mut self) -> Ended {
        self.session.stop()
    }
}
