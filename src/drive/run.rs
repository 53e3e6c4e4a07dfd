//! A program being run: what the run knows, and what every operation is made of.
//!
//! An operation sends requests and waits until the trace holds what ends it. A wait that runs out,
//! a server that is gone and trouble of our own abort the run; the reason is the last observation.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use semver::Version;

use super::active_home::ActiveHome;
use super::duplicates::Duplicates;
use super::model_requests::ModelRequests;
use super::probe::PendingProbe;
use super::recorder::{Loading, Recorder, Thread};
use super::schema_check::SchemaCheck;
use super::sdk_state::SdkCalls;
use super::session::Site;
use super::test_bed::TestBed;
use super::timeouts::Timeouts;
use super::transport::Transport;
use crate::home::Home;
use crate::mock_model::session::ModelSession;
use crate::program::operation::Operation;
use crate::program::reply::ProbeScript;
use crate::program::request::{Back, Request, RequestContext};
use crate::program::thread::{ThreadName, ThreadRef};
use crate::protocol::requests::{self, Call, Ids};
use crate::protocol::rpc::Id;
use crate::trace::{Observation, ThreadLabel};

/// The first release with `thread/revert`; older ones have `thread/rollback`.
const REVERTS_SINCE: (u64, u64) = (0, 154);

/// The run ends here; the last observation says why.
pub(super) struct Aborted;

/// A request with the server's ids in it.
pub(super) struct Prepared {
    pub(super) call: Call,
    /// Whether the program's thread has no id, so that a never-issued one is sent.
    pub(super) unbound: bool,
    /// The name of the thread that the reply creates.
    pub(super) new: Option<ThreadName>,
}

/// A request that has no answer yet.
pub(super) struct Open {
    pub(super) call: u32,
    /// The name of the thread that the reply creates.
    pub(super) new: Option<ThreadName>,
}

pub(super) struct Runner<'a> {
    pub(super) test_bed: &'a TestBed,
    /// How long it waits.
    pub(super) timeouts: Timeouts,
    pub(super) model: &'a ModelSession,
    pub(super) active: &'a mut ActiveHome,
    pub(super) recorder: &'a mut Recorder,
    /// The requests without an answer, by connection and id.
    pub(super) open: BTreeMap<(usize, Id), Open>,
    /// The number of the client that sends requests: 0, unless a wrapper says otherwise.
    pub(super) client: usize,
    pub(super) transport: Transport,
    pub(super) duplicates: Duplicates,
    pub(super) model_requests: ModelRequests,
    pub(super) schema_check: SchemaCheck<'a>,
    /// The end of what the servers wrote on stderr that ended so far.
    pub(super) stderr: String,
    /// The number of the turn that was granted last.
    pub(super) granted_turn: Option<u32>,
    /// The probe of the present turn.
    pub(super) probe: Option<PendingProbe>,
    /// Whether the server's writes to files fail now.
    pub(super) disk_full: bool,
    /// Whether the server unloads an idle thread without subscribers after a second.
    pub(super) unloads_idle: bool,
    /// The text of config.toml when it was read last.
    pub(super) config: String,
    /// The calls of the SDK, where that performs the program.
    pub(super) sdk: SdkCalls,
}

impl<'a> Runner<'a> {
    pub(super) fn new(
        test_bed: &'a TestBed,
        model: &'a ModelSession,
        active: &'a mut ActiveHome,
        recorder: &'a mut Recorder,
    ) -> Runner<'a> {
        let schema = test_bed.installed(active.slot).schema.as_deref();
        Runner {
            test_bed,
            timeouts: test_bed.timeouts,
            model,
            active,
            recorder,
            open: BTreeMap::new(),
            client: 0,
            transport: Transport::Pipes,
            duplicates: Duplicates::default(),
            model_requests: ModelRequests::new(model.watch()),
            schema_check: SchemaCheck::new(schema),
            stderr: String::new(),
            granted_turn: None,
            probe: None,
            disk_full: false,
            unloads_idle: false,
            config: String::new(),
            sdk: SdkCalls::default(),
        }
    }

    /// What is known of a thread.
    pub(super) fn thread(&self, thread: ThreadRef) -> Option<&Thread> {
        self.recorder.thread(thread)
    }

    pub(super) fn thread_mut(&mut self, thread: ThreadRef) -> Option<&mut Thread> {
        self.recorder.thread_mut(thread)
    }

    /// The id of the thread's turn that runs.
    pub(super) fn running(&self, thread: ThreadRef) -> Option<String> {
        let running = self.thread(thread)?.running.as_ref();
        running.map(|running| running.id.clone())
    }

    /// The thread's label, where it is loaded and no client is subscribed.
    pub(super) fn unheard(&self, thread: ThreadRef) -> Option<ThreadLabel> {
        let unheard = self.thread(thread).is_some_and(Thread::is_unheard);
        thread.name().filter(|_| unheard).map(ThreadLabel::Named)
    }

    /// The probe of a step, where a client is subscribed that it could ask.
    pub(super) fn heard_probe(
        &self,
        thread: ThreadRef,
        step: &impl Operation,
    ) -> Option<ProbeScript> {
        step.probe().filter(|_| self.unheard(thread).is_none())
    }

    /// Remembers that a thread has a history, if a request of the step was granted.
    pub(super) fn note_history(&mut self, thread: ThreadRef) {
        let granted = self.recorder.has_granted();
        if let Some(thread) = self.thread_mut(thread) {
            thread.has_history |= granted;
        }
    }

    /// On a full disk a refused request may have loaded the thread, with no client subscribed.
    pub(super) fn may_be_loaded(&mut self, thread: ThreadRef) {
        if self.disk_full
            && let Some(thread) = self.thread_mut(thread).filter(|thread| !thread.is_loaded())
        {
            thread.loading = Loading::Silent;
        }
    }

    /// The server's ids of a thread and its turns.
    pub(super) fn ids(&self, thread: ThreadRef) -> Ids {
        let Some(known) = self.thread(thread) else {
            return Ids::default();
        };
        Ids {
            thread: Some(known.id.clone()),
            running: known.running.as_ref().map(|running| running.id.clone()),
            turns: known.turns.clone(),
        }
    }

    /// What requests depend on beside their operation.
    pub(super) fn request_context(&self) -> RequestContext {
        let reverts = |version: &Version| (version.major, version.minor) >= REVERTS_SINCE;
        let version = self.test_bed.installed(self.active.slot).version.as_ref();
        let back = if version.is_none_or(reverts) { Back::Revert } else { Back::Rollback };
        RequestContext { back, number: self.recorder.last_call() + 1 }
    }

    /// The request with the ids of the thread that it is about, if it is about one.
    pub(super) fn prepared(&self, request: &Request, thread: Option<ThreadRef>) -> Prepared {
        let name = thread.and_then(ThreadRef::name);
        let ids = self.ids(thread.unwrap_or(ThreadRef::Unknown));
        let unbound = name.is_some() && ids.thread.is_none();
        let call = requests::call(request, &ids, self.active.home.places());
        Prepared { call, unbound, new: None }
    }

    /// What another session of the present server is started with, on this home.
    pub(super) fn site<'s>(&'s self, home: &'s Home) -> Site<'s> {
        Site { timeouts: self.timeouts, ..self.test_bed.site(self.active.slot, home) }
    }

    /// Sends a request and waits for its answer; where the release does not have what it asks
    /// for, the step is left out.
    pub(super) fn ask(&mut self, request: Prepared) -> Result<(), Aborted> {
        if let Some(what) = self.lacks(&request.call) {
            return self.left_out(&what);
        }
        let awaited = format!("the answer to {}", request.call.method);
        let number = self.send(request)?;
        if self.is_left_out() {
            return Ok(());
        }
        self.until(&awaited, self.timeouts.reply, |what| what.answers(number))?;
        self.returned(number)
    }

    /// What a request needs that the release or the SDK does not have.
    pub(super) fn lacks(&self, call: &Call) -> Option<String> {
        self.schema_check.lacks(call).or_else(|| self.unsayable(call))
    }

    /// Sends a request; its number.
    pub(super) fn send(&mut self, request: Prepared) -> Result<u32, Aborted> {
        let Prepared { call, unbound, new } = request;
        if let Err(error) = self.active.home.make_folders(requests::folders(&call.params)) {
            self.trouble(format!("cannot make a folder of a request: {error}; free space"))?;
        }
        if self.test_bed.sdk.is_some() {
            return self.say(Prepared { call, unbound, new });
        }
        self.recorder.record_all(self.schema_check.request(&call));
        let number = self.recorder.sent(call.method, unbound);
        let session = self.active.session.as_mut().expect("an aborted run sends nothing");
        match session.client(self.client).send(call.method, call.params) {
            Ok(id) => {
                self.schema_check.sent(self.client, id.id(), call.method);
                self.open.insert((self.client, id.id()), Open { call: number, new });
                Ok(number)
            }
            Err(lost) => self.lost(&lost).map(|()| number),
        }
    }

    /// Whether the step's request was refused, or never sent.
    pub(super) fn refused(&self) -> bool {
        self.recorder
            .in_step()
            .any(|what| matches!(what, Observation::Refused { .. } | Observation::LeftOut { .. }))
    }

    /// Whether the step was left out.
    pub(super) fn is_left_out(&self) -> bool {
        self.recorder.in_step().any(|what| matches!(what, Observation::LeftOut { .. }))
    }

    /// The step cannot be performed now.
    pub(super) fn not_taken(&mut self, reason: &str) -> Result<(), Aborted> {
        self.recorder.record(Observation::NotTaken { reason: reason.to_owned() });
        Ok(())
    }

    /// The release does not have what the step asks for.
    pub(super) fn left_out(&mut self, what: &str) -> Result<(), Aborted> {
        self.recorder.record(Observation::LeftOut { what: what.to_owned() });
        Ok(())
    }

    /// Records what arrives until this is so or the time is over; whether it is so.
    pub(super) fn wait(
        &mut self,
        timeout: Duration,
        is_done: impl Fn(&Recorder) -> bool,
    ) -> Result<bool, Aborted> {
        let deadline = Instant::now() + timeout;
        loop {
            let done = is_done(self.recorder);
            if done || Instant::now() >= deadline {
                return Ok(done);
            }
            let session = self.active.session.as_mut().expect("an aborted run does not wait");
            match session.next(deadline) {
                None => return Ok(false),
                Some((client, arrived)) => self.arrived(client, arrived)?,
            }
        }
    }

    /// Records what arrives until such an observation is in the step or the time is over.
    pub(super) fn within(
        &mut self,
        timeout: Duration,
        is: impl Fn(&Observation) -> bool,
    ) -> Result<(), Aborted> {
        self.wait(timeout, |recorder| recorder.in_step().any(&is)).map(drop)
    }

    /// Records what arrives until such an observation is in the step, and aborts the run if none
    /// comes. While the server keeps writing, the wait is twice as long: what came in time may
    /// stand in line.
    pub(super) fn until(
        &mut self,
        awaited: &str,
        timeout: Duration,
        is: impl Fn(&Observation) -> bool,
    ) -> Result<(), Aborted> {
        let begun = Instant::now();
        let deadline = begun + timeout;
        while !self.recorder.in_step().any(&is) {
            let session = self.active.session.as_mut().expect("an aborted run does not wait");
            match session.next(deadline) {
                None => return self.silent(awaited, timeout),
                Some((client, arrived)) => self.arrived(client, arrived)?,
            }
            if Instant::now() >= deadline + timeout {
                return self.silent(awaited, timeout);
            }
        }
        self.test_bed.pace.add(begun.elapsed());
        Ok(())
    }
}
