//! The real server, and one test bed on it for all tests of a binary.
//!
//! `HEIRLOOM_SERVER` says which server: a version, `latest` or a path, and the pinned release where it
//! is unset. If there is no such server, every test of it fails with the reason. With `none` they are
//! not run, and each is listed as not run.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use semver::Version;

use heirloom::cause::Known;
use heirloom::drive::Worker;
use heirloom::drive::test_bed::TestBed;
use heirloom::drive::timeouts::Timeouts;
use heirloom::judge::judge;
use heirloom::judge::verdict::{Finding, Verdict};
use heirloom::program::Program;
use heirloom::program::sdk::SdkClient;
use heirloom::provision::fetch::provide;
use heirloom::provision::sdk::Sdk;
use heirloom::provision::{self, Cache, Executable, Progress, Spec};
use heirloom::report::finding::{Details, FindingText, Standing};
use heirloom::report::style::Style;
use heirloom::report::words::ran_on;
use heirloom::shrink::Search;

/// The environment variable that names the server.
const VARIABLE: &str = "HEIRLOOM_SERVER";

/// The width of a finding in a failure, in characters.
const WIDTH: usize = 96;

/// The server of a binary's tests.
pub(crate) struct Real {
    known: Known,
    pub(crate) provided: Result<Executable, String>,
    /// The further releases that programs name.
    others: Vec<Version>,
    /// The client of the SDK that performs the programs, if one does.
    client: Option<SdkClient>,
    test_bed: OnceLock<Result<Arc<TestBed>, String>>,
    idle: Mutex<Vec<Worker>>,
}

/// A binary's tests, with and without a server.
pub(crate) struct Suite {
    name: &'static str,
    real: Option<Arc<Real>>,
    /// The same server with a client of the SDK.
    by_sdk: BTreeMap<SdkClient, Arc<Real>>,
    trials: Vec<Trial>,
}

impl Suite {
    /// A suite with tests that need no server. The server is provided now, because its version is part
    /// of the names of the others.
    pub(crate) fn new(name: &'static str, offline: Vec<Trial>, others: Vec<Version>) -> Suite {
        let asked = std::env::var(VARIABLE).unwrap_or_default();
        let real = (asked != "none").then(|| {
            let provided = provided(&asked);
            Arc::new(Real::new(provided, others, None))
        });
        Suite { name, real, by_sdk: BTreeMap::new(), trials: offline }
    }

    /// Adds a test on the real server; its name ends with the server.
    pub(crate) fn live(
        &mut self,
        name: &str,
        test: impl FnOnce(&Real) -> Result<(), String> + Send + 'static,
    ) {
        self.add(name, self.real.clone(), test);
    }

    /// Adds a test on the real server that a client of the SDK drives.
    pub(crate) fn live_by(
        &mut self,
        client: SdkClient,
        name: &str,
        test: impl FnOnce(&Real) -> Result<(), String> + Send + 'static,
    ) {
        let real = self.real.clone().map(|real| {
            let by_sdk = || Arc::new(Real::new(real.provided.clone(), Vec::new(), Some(client)));
            Arc::clone(self.by_sdk.entry(client).or_insert_with(by_sdk))
        });
        self.add(name, real, test);
    }

    fn add(
        &mut self,
        name: &str,
        real: Option<Arc<Real>>,
        test: impl FnOnce(&Real) -> Result<(), String> + Send + 'static,
    ) {
        let name = format!("{}::{name}", self.name);
        self.trials.push(match real {
            Some(real) => {
                let name = format!("{name} [{}]", real.label());
                let ready = move || real.test_bed().and_then(|_| test(&real));
                Trial::test(name, || ready().map_err(Failed::from))
            }
            None => Trial::ignorable_test(format!("{name} [not run]"), || {
                let reason = format!("{VARIABLE}=none leaves the tests on a real server out");
                Ok(Completion::ignored_with(reason))
            }),
        });
    }

    /// Runs the tests as the arguments say.
    pub(crate) fn conclude(self) -> ExitCode {
        let conclusion = libtest_mimic::run(&Arguments::from_args(), self.trials);
        if self.real.is_none() {
            let name = self.name;
            println!("{name}: NOT TESTED on a real server, because {VARIABLE}=none; unset it\n");
        }
        conclusion.exit_code()
    }
}

impl Real {
    fn new(
        provided: Result<Executable, String>,
        others: Vec<Version>,
        client: Option<SdkClient>,
    ) -> Real {
        let (test_bed, idle) = (OnceLock::new(), Mutex::default());
        Real { known: Known::embedded(), provided, others, client, test_bed, idle }
    }

    /// Runs a program; the error is its first new finding, shrunk, as a report.
    pub(crate) fn check(&self, program: &Program) -> Result<(), String> {
        self.verdict(program).map(drop)
    }

    /// The same, with what the judge makes of it.
    pub(crate) fn verdict(&self, program: &Program) -> Result<Verdict, String> {
        let verdict = judge(&self.with_worker(|worker| worker.run(program))?);
        if let Some(reason) = verdict.inconclusive {
            return Err(format!("inconclusive: {reason}\nin\n{program}"));
        }
        match verdict.findings.iter().find(|finding| !self.excuses(finding)) {
            None => Ok(verdict),
            Some(finding) => Err(self.report(program, finding)?),
        }
    }

    fn excuses(&self, finding: &Finding) -> bool {
        self.known.excuses(finding).is_some()
    }

    fn report(&self, program: &Program, finding: &Finding) -> Result<String, String> {
        let (program, finding, runs) = self.shrunk(program, finding)?;
        let details = Details {
            server: Some(ran_on(&finding.home_history)),
            found: Some(format!("shrunk in {runs} runs, none of which was a confirmation")),
            ..Details::default()
        };
        let (finding, program, trace, standing) = (&finding, &program, None, Standing::New);
        let finding = FindingText { finding, program, trace, standing, details };
        let text = finding.text(&Style::plain(WIDTH));
        Ok(format!("\n{text}\n  The same as a case file:\n\n{program}"))
    }

    /// The smallest program that shows the finding, and the runs of the search; a finding that does not
    /// show again stays as it is.
    fn shrunk(
        &self,
        program: &Program,
        finding: &Finding,
    ) -> Result<(Program, Finding, u32), String> {
        let signature = finding.signature();
        let mut search = Search::new(program, finding);
        let mut smallest = (program.clone(), finding.clone());
        while let Some(smaller) = search.propose() {
            let trace = self.with_worker(|worker| worker.run(&smaller))?;
            let findings = judge(&trace).findings;
            let again = findings.into_iter().find(|finding| finding.signature() == signature);
            search.tell(again.is_some());
            smallest = again.map_or(smallest, |finding| (smaller, finding));
        }
        Ok((smallest.0, smallest.1, search.runs()))
    }

    /// Runs the work on an idle worker, or on a new one.
    pub(crate) fn with_worker<T>(&self, work: impl FnOnce(&mut Worker) -> T) -> Result<T, String> {
        let test_bed = self.test_bed()?;
        let idle = self.idle().pop();
        let mut worker = idle.unwrap_or_else(|| Worker::new(test_bed));
        let done = work(&mut worker);
        self.idle().push(worker);
        Ok(done)
    }

    pub(crate) fn test_bed(&self) -> Result<Arc<TestBed>, String> {
        self.test_bed.get_or_init(|| self.prepared()).clone()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prepared(&self) -> Result<Arc<TestBed>, String> {
        let Executable { path, version, .. } = self.provided.clone()?;
        let test_bed = TestBed::prepare(path, version.clone(), Timeouts::default());
        let mut test_bed = test_bed.map_err(|error| error.to_string())?;
        for other in self.others.iter().filter(|other| version.as_ref() != Some(other)) {
            // The programs that name a missing release fail, each with its own message.
            let added = provided(&other.to_string()).and_then(|found| {
                test_bed.add(found.path, other.clone()).map_err(|error| error.to_string())
            });
            if let Err(error) = added {
                eprintln!("no codex {other}: {error}");
            }
        }
        if let Some(client) = self.client {
            let sdk = sdk(client)?;
            test_bed.use_sdk(&sdk.python, client).map_err(|error| error.to_string())?;
        }
        Ok(Arc::new(test_bed))
    }

    fn label(&self) -> String {
        match &self.provided {
            Ok(Executable { version: Some(version), .. }) => format!("codex {version}"),
            Ok(Executable { path, .. }) => path.display().to_string(),
            Err(_) => "no server".to_owned(),
        }
    }
}

/// The newest SDK that is pinned, fetched where it is not here yet.
fn sdk(client: SdkClient) -> Result<Sdk, String> {
    let version = provision::sdk::pinned().into_iter().max();
    let spec = provision::sdk::Spec { client, version };
    let cache = cache().map_err(|error| error.to_string())?;
    let provided = provision::sdk::provide(&spec, &cache, &mut |_| ControlFlow::Continue(()));
    provided.map_err(|error| format!("no Python SDK: {error}"))
}

fn cache() -> Result<Cache, provision::Error> {
    match std::env::var_os("HEIRLOOM_CACHE").filter(|path| !path.is_empty()) {
        Some(path) => Ok(Cache::at(path)),
        None => Cache::user(),
    }
}

/// The server that is asked for, fetched where it is not here yet.
pub(crate) fn provided(asked: &str) -> Result<Executable, String> {
    let without = |error: &dyn std::fmt::Display| {
        format!("{error}; {VARIABLE}=none leaves the tests on a real server out, and says so")
    };
    let spec: Result<Spec, _> = if asked.is_empty() { Ok(Spec::default()) } else { asked.parse() };
    let spec = spec.map_err(|error| without(&error))?;
    let cache = cache().map_err(|error| without(&error))?;
    let mut last = String::new();
    let mut tell = |progress: &Progress| {
        let now = words(progress);
        if now != last {
            eprintln!("{now}");
            last = now;
        }
        ControlFlow::Continue(())
    };
    provide(&spec, &cache, &mut tell).map_err(|error| without(&error))
}

/// One line for each kind of progress, without numbers.
fn words(progress: &Progress) -> String {
    match progress {
        Progress::Waiting => "waiting for another process that fetches a server".to_owned(),
        Progress::Asking { client } => format!("asking {client} for a server"),
        Progress::Fetching { client, version, .. } => {
            format!("fetching codex {version} by {client}")
        }
        Progress::FetchingSdk { version, .. } => format!("fetching openai-codex {version} by pip"),
        Progress::Verifying { .. } => "verifying the server".to_owned(),
        Progress::Unpacking { .. } => "unpacking the server".to_owned(),
        Progress::Freed { version, .. } => format!("codex {version} went from the cache"),
        Progress::Ready { version } => format!("codex {version} is ready"),
    }
}
