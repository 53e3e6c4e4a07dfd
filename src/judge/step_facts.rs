//! What a step's facts say of it as a whole, before anything is compared.
//!
//! That it was left out or could not be taken, and that a thread was unloaded in its course, which
//! may happen at any step.

use semver::Version;

use super::compare::Capabilities;
use crate::model::World;
use crate::policy::{Defaults, Profiles};
use crate::program::ops::Step;
use crate::program::ops::run::Run;
use crate::program::reply::Reply;
use crate::program::thread::ThreadRef;
use crate::trace::{Observation, ThreadLabel};

/// The first release that is known to take `extends` in a named profile: what one of the home's own
/// means to those before is not known.
const EXTENDS_SINCE: (u64, u64) = (0, 136);

/// What the step would have asked for, where the release does not have it.
pub(super) fn left_out(facts: &[&Observation]) -> Option<String> {
    facts.iter().find_map(|what| match what {
        Observation::LeftOut { what } => Some(what.clone()),
        _ => None,
    })
}

/// Whether the step is an act, by whichever connection.
fn may_be_impossible(step: &Step) -> bool {
    match step {
        Step::SecondClient(inner) => may_be_impossible(inner),
        step => matches!(step, Step::Action(_) | Step::Run(Run { reply: Reply::Probe(..), .. })),
    }
}

/// Whether an act or a deed was not asked for, since it could not be.
pub(super) fn not_taken(step: &Step, facts: &[&Observation]) -> bool {
    may_be_impossible(step) && facts.iter().any(|what| matches!(what, Observation::NotTaken { .. }))
}

/// Whether the step was performed at all: a look may not be taken, a torn call have no request.
pub(super) fn performed(step: &Step, facts: &[&Observation]) -> bool {
    let sent = || facts.iter().any(|what| matches!(what, Observation::Sent { .. }));
    let taken = !facts.iter().any(|what| matches!(what, Observation::NotTaken { .. }));
    taken && (!matches!(step, Step::KillDuring(..)) || sent())
}

/// The worlds as they are, and as they are once threads are unloaded: an idle thread that nobody
/// hears may be at any time, and where nobody is told of it, a refusal says so.
pub(super) fn closed(mut worlds: Vec<World>, step: &Step, facts: &[&Observation]) -> Vec<World> {
    let told = facts.iter().filter_map(|what| match what {
        Observation::Closed { thread: ThreadLabel::Named(name) } => Some(*name),
        _ => None,
    });
    let refused = facts.iter().any(|what| matches!(what, Observation::Refused { .. }));
    let untold = step.used().into_iter().filter_map(|who| match who {
        ThreadRef::Thread(name) => Some(name).filter(|_| refused),
        ThreadRef::Unknown => None,
    });
    for name in told.chain(untold) {
        let unloaded: Vec<World> = worlds.iter().filter_map(|w| w.closed(name)).collect();
        worlds.extend(unloaded);
    }
    worlds
}

/// What cannot be compared with this release, after these configs, in these worlds.
pub(super) fn gates(
    release: Option<&Version>,
    defaults: &[Defaults],
    worlds: &[World],
) -> Capabilities {
    // A thread may hold a profile that config.toml no longer has: it means what it last did.
    let profiles = defaults.iter().flat_map(|defaults| defaults.profiles.clone()).collect();
    let sound = worlds.iter().all(|world| !world.full);
    let extends = release.is_none_or(|version| (version.major, version.minor) >= EXTENDS_SINCE);
    let settled = if extends { settled(defaults) } else { Profiles::new() };
    Capabilities { profiles, settled, sound, ..Capabilities::of(release) }
}

/// The profiles that have meant one thing in every config so far.
fn settled(defaults: &[Defaults]) -> Profiles {
    let mut settled: Profiles = defaults.iter().flat_map(|one| one.profiles.clone()).collect();
    settled.retain(|id, base| {
        let mut meanings = defaults.iter().filter_map(|one| one.profiles.get(id));
        meanings.all(|meaning| meaning == base)
    });
    settled
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::judge::judge;
    use crate::policy::{Approval, Defaults, Policy, Profiles, SandboxMode};
    use crate::program::thread::ThreadName;
    use crate::trace::{Entry, Observation, ThreadLabel, Trace};

    const THREAD: ThreadLabel = ThreadLabel::Named(ThreadName(0));

    fn sent(call: u32) -> Observation {
        Observation::Sent { call, method: "a/method".to_owned(), unbound: false }
    }

    fn answered(call: u32) -> Observation {
        Observation::Answered { call, thread: None, policy: None }
    }

    fn refused(call: u32) -> Observation {
        Observation::Refused { call, code: -32600, message: "no".to_owned() }
    }

    /// The findings of a program whose thread starts as it must, and then shows these facts.
    fn check(lines: &str, rest: Vec<(usize, Observation)>, expected: Expect) {
        let program = format!("# heirloom case v1\nconfig\nstart -> t0\n{lines}audit\n");
        let policy = Some(Defaults::default().policy());
        let started = Observation::Answered { call: 1, thread: Some(THREAD), policy };
        let facts = [(0, sent(1)), (0, started)].into_iter().chain(rest);
        let facts: Vec<Entry> = facts.map(|(step, what)| Entry { step, what }).collect();
        let program = program.parse().expect("the plan is one");
        let trace = Trace { program, server: None, times_us: vec![0; facts.len()], facts };
        let findings = judge(&trace).findings;
        let lines: Vec<String> = findings.iter().map(|one| one.signature().to_string()).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_refused_act_that_unloads_the_thread_is_told_once() {
        let gone = Observation::Closed { thread: THREAD };
        let rest = vec![(1, sent(2)), (1, refused(2)), (1, gone), (2, sent(3)), (2, refused(3))];
        check(
            "revert t0\nsettings t0 approval=never\n",
            rest,
            expect!["T5/-/revert/loaded/unknown"],
        );
    }

    #[test]
    fn an_idle_thread_that_nobody_hears_may_be_unloaded_at_any_step() {
        let gone = Observation::Closed { thread: THREAD };
        let rest = vec![(1, sent(2)), (1, answered(2)), (2, gone), (2, sent(3)), (2, refused(3))];
        check("unsubscribe t0\nsettings t0 approval=never\n", rest, expect![""]);
    }

    #[test]
    fn a_refusal_may_say_that_a_thread_that_nobody_hears_is_unloaded() {
        let unheard = Observation::Unsubscribed { thread: THREAD };
        let rest =
            vec![(1, sent(2)), (1, answered(2)), (1, unheard), (2, sent(3)), (2, refused(3))];
        let settings = "settings t0 approval=never\n";
        check(&format!("unsubscribe t0\n{settings}"), rest, expect![""]);
        let rest = vec![(1, sent(2)), (1, refused(2))];
        check(settings, rest, expect!["U4/-/settings/accepted/unknown"]);
    }

    fn cold(call: u32, approval: Approval) -> Observation {
        let policy = Policy { approval, ..Defaults::default().policy() };
        Observation::Answered { call, thread: Some(THREAD), policy: Some(policy) }
    }

    /// A change that is torn off, a look at a copy of the home, and a cold resume.
    fn check_torn(copy: Approval, resumed: Approval, expected: Expect) {
        let policy = Policy { approval: copy, ..Defaults::default().policy() };
        let (exit, stderr) = ("killed".to_owned(), String::new());
        let ended = Observation::Ended { told: true, exit, panicked: false, stderr };
        let rest = vec![
            (1, sent(2)),
            (1, answered(2)),
            (2, sent(3)),
            (2, ended),
            (3, Observation::ColdRead { thread: THREAD, policy: Some(policy) }),
            (4, sent(4)),
            (4, cold(4, resumed)),
        ];
        let lines = "inject t0\ntorn settings t0 approval=never\nfresh t0\nresume t0\n";
        check(lines, rest, expected);
    }

    #[test]
    fn a_torn_change_is_made_or_is_not() {
        check_torn(Approval::Never, Approval::Never, expect![[""]]);
        check_torn(Approval::OnRequest, Approval::OnRequest, expect![[""]]);
    }

    #[test]
    fn what_a_look_has_shown_of_an_open_change_must_come_back() {
        check_torn(Approval::Never, Approval::OnRequest, expect!["R4/AP/resume/never/config"]);
        check_torn(
            Approval::OnRequest,
            Approval::Never,
            expect!["R4/AP/resume/on-request/unknown"],
        );
    }

    #[test]
    fn a_look_shows_nothing_third_of_an_open_change() {
        check_torn(
            Approval::Untrusted,
            Approval::Never,
            expect!["R4/AP/resume/on-request/unknown"],
        );
    }

    #[test]
    fn what_a_profile_means_is_known_since_profiles_extend() {
        let profiles = Profiles::from([("p-ro".to_owned(), SandboxMode::ReadOnly)]);
        let defaults = [Defaults { profiles: profiles.clone(), ..Defaults::default() }];
        let settled = |release: Option<&str>| {
            let release = release.map(|text| text.parse().expect("it is a release"));
            super::gates(release.as_ref(), &defaults, &[]).settled
        };
        assert_eq!(settled(Some("0.131.0")), Profiles::new());
        assert_eq!([settled(Some("0.136.0")), settled(None)], [profiles.clone(), profiles]);
    }

    #[test]
    fn a_turn_may_end_whose_start_was_not_heard() {
        let unheard = Observation::Unsubscribed { thread: THREAD };
        let ended =
            Observation::TurnEnded { thread: THREAD, turn: 1, status: "completed".to_owned() };
        let rest = vec![(1, sent(2)), (1, answered(2)), (1, unheard), (2, ended)];
        check("unsubscribe t0\nlist t0\n", rest, expect![""]);
    }
}
