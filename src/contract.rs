//! The contract: what each operation may do to a thread's policy, clause by clause.
//!
//! A clause is a row: an id, its words, its sources, and its strength in each dimension. The id is
//! the same when the clause passes, fails and is known to fail; wherever a person reads it, its
//! title stands beside it. The rows are the specification that the model states; nothing here
//! predicts or compares.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::Dimension;

pub mod id;
#[cfg(test)]
mod tests;

/// How firmly the sources stand behind a clause in one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Strength {
    /// An upstream test or a published schema text asserts it.
    N,
    /// It is documented, and no test was found.
    D,
    /// It follows from a neighbouring clause.
    I,
    /// The sources are silent or disagree, and this is the stance that the suite takes.
    S,
}

/// One clause of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub clause: Clause,
    /// The id in one to four words, such as `steer`.
    pub title: &'static str,
    /// The heading it stands under.
    pub section: &'static str,
    /// What it demands, in full sentences.
    pub text: &'static str,
    /// Where it comes from; [`source_meaning`] explains each.
    pub sources: &'static [&'static str],
    /// The strength in every dimension that `exceptions` does not name.
    pub default: Strength,
    /// The dimensions in which the strength differs.
    pub exceptions: &'static [(Dimension, Strength)],
}

/// The names that sources are cited by, each with what it stands for.
pub const SOURCES: &[(&str, &str)] = &[
    ("SEED", "the six approval tests of the Python SDK upstream, by their number"),
    ("SCHEMA", "what `codex app-server generate-json-schema --experimental` prints"),
    ("README", "codex-rs/app-server/README.md in openai/codex"),
    ("T-resume", "codex-rs/app-server/tests/suite/v2/thread_resume.rs in openai/codex"),
    ("T-fork", "codex-rs/app-server/tests/suite/v2/thread_fork.rs in openai/codex"),
    ("T-settings", "codex-rs/app-server/tests/suite/v2/thread_settings_update.rs in openai/codex"),
    ("SDK", "a test or the documentation of the Python SDK upstream"),
    ("JSON-RPC", "the JSON-RPC 2.0 specification"),
    ("upstream", "the source code of the server itself"),
    ("observed", "seen alike on the releases that were tried; not promised anywhere"),
    ("stance", "a position that this suite takes, with its reason where one is given"),
];

/// Makes the ids and their rows from one list, so that neither can miss the other.
macro_rules! contract {
    ($($section:literal {$(
        $id:ident $title:literal [$default:ident $(; $dimension:ident $strength:ident)*]
            [$($source:literal),+] $text:literal
    )+})+) => {
        /// The id of a clause; ordered as the contract is.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Clause {$($(
            #[doc = $text]
            $id,
        )+)+}

        const ROWS: &[Row] = &[$($(Row {
            clause: Clause::$id,
            title: $title,
            section: $section,
            text: $text,
            sources: &[$($source),+],
            default: Strength::$default,
            exceptions: &[$((Dimension::$dimension, Strength::$strength)),*],
        },)+)+];
    };
}

// Read `[N; SB S]` as: N, but S where the dimension is SB. A row that names its dimensions one by
// one has S before them, since its sources are silent about the others.
contract! {
"General" {
    G1 "order of precedence" [N; SB S] ["#14888", "T-resume"]
        "Precedence in every dimension: the request's explicit value, else the thread's persisted \
         value, else config as it stands at the call."
    G2 "null override" [D] ["SCHEMA", "T-settings"]
        "Omitted and `null` mean the same: no override. (Two clear instead: `serviceTier: null` on \
         settings/update, and an empty `disabledPluginIds`.)"
    G3 "lasting override" [N] ["SCHEMA (\"for this turn and subsequent turns\")", "SEED 4, 5"]
        "An override on turn/start holds for that turn and for later turns."
    G4 "independent settings" [N] ["T-fork", "T-resume"]
        "Dimensions are independent: overriding one leaves the others. (Model (M) and effort (E) \
         are the exception: any of model, modelProvider and effort in a resume drops the \
         persisted triple, R9.)"
    G5 "profile plus sandbox" [N] ["SCHEMA", "T-settings"]
        "`permissions` together with `sandbox` or `sandboxPolicy` is refused, and nothing changes."
    G6 "sandbox or profile" [N] ["T-resume", "T-fork"]
        "An explicit sandbox makes the permissions Legacy and clears the profile id; an explicit \
         profile makes them Profile."
    G8 "policy in replies" [I] ["SCHEMA"]
        "The reply to start, resume and fork states the policy that the next turn runs with."
    G9 "stated and enforced" [I] ["README"]
        "The server reports, states to the model and enforces the same policy; E1 to E8 say how \
         that is judged."
    G10 "lost state database" [I] ["#30278"]
        "The rollout file is the durable authority: losing the state database loses no policy."
    G11 "thread isolation" [N] ["T-resume", "T-fork"]
        "Threads are isolated: no operation on one thread changes another's policy, in either \
         direction, parent and fork included."
    G12 "permitted widening" [S] ["stance"]
        "A notice, not a prediction: where a clause permits a policy to become wider though nobody \
         asked (R7, F2, R2, R6, T6, config followed), the report lists it under G12 and that \
         clause, and the exit code is untouched. Where no clause permits it, that clause's finding \
         is marked as widened."
}
"Threads" {
    R0 "thread not loaded" [I] ["observed on all releases"]
        "turn/start, settings/update, steer and interrupt on a thread that is not loaded are \
         refused and change nothing. resume, fork and archive need no loaded thread."
    R16 "thread not resumable" [N] ["T-resume"]
        "resume and fork of an unknown, archived or unmaterialised thread are refused and change \
         nothing. A thread is materialised by its first started turn (a failed one too), by being \
         a durable fork, or by a goal, compaction, review, queued turn or injected item as first \
         event. With a name or a user shell command as first event it may be or not, but if it \
         resumes, its policy must be right (O8). settings/update alone does not materialise it. \
         After a kill before turn/started: either."
    S1 "start" [D] ["SCHEMA"]
        "start: an omitted value comes from config, an explicit one from the request."
    S2 "later config change" [S; AP N; RV I; PP I; SB S] ["T-resume"]
        "start pins: what start resolved, from config or from the request, is the thread's own; a \
         later change of config does not alter it."
    S7 "ephemeral thread" [N] ["README"]
        "An ephemeral thread keeps its policy while loaded; resume and fork of it are refused, \
         loaded or not."
}
"Turns and settings" {
    T1 "turn override" [N; SB S] ["T-fork", "SEED"]
        "A run with an override has it in force for that turn, then for later turns (G3), and \
         durably across a restart."
    T2 "turn without override" [N] ["SEED 5, 6"]
        "A run without an override takes the thread's value, never config's."
    T3 "failed turn" [S] ["stance: the turn did start"]
        "A turn that fails at the model, and one that is interrupted, keep the override they \
         carried."
    T5 "refused turn" [D] ["SDK test", "#21250"]
        "A turn refused before it starts changes nothing. Refused means: it violates the release's \
         own schema or G5, or names an unknown id or an unknown profile. What a release accepts \
         (an odd cwd, an unknown tier, empty input, extra fields) falls under S1 and T1 and is \
         not a finding."
    T6 "steer" [I] ["SCHEMA"]
        "turn/start while a turn runs steers it: the running turn keeps its policy, and the \
         override is the next turn's."
    T7 "running turn settings" [N] ["SCHEMA"]
        "turn/settings/update changes one running turn only (reviewer (RV) and model settings); \
         later turns are unchanged."
    T8 "tier for one turn" [D] ["SCHEMA"]
        "`serviceTierForTurn` never changes the thread's tier. The tier (T) is judged only where \
         start's reply stated it."
    T9 "change notification" [N] ["README", "T-settings"]
        "An effective change by turn/start or settings/update emits `thread/settings/updated` with \
         the new values; an equal value emits none, and start, resume and fork emit none. From \
         0.133."
    U0 "unacknowledged settings" [N] ["SCHEMA", "README"]
        "`{}` from settings/update acknowledges receipt only. The change is acknowledged by its \
         `thread/settings/updated`; until then every view may show the value before or after."
    U1 "settings for later turns" [N] ["SCHEMA"]
        "settings/update holds for later turns and touches no running turn."
    U3 "durable settings" [S; PP N; RV N; M N; E N; CWD N; AP I; SB S] ["T-settings", "T-resume"]
        "An acknowledged settings/update is durable with no later turn."
    U4 "settings before first turn" [I] ["observed"]
        "Before the first turn settings/update is accepted, the first turn uses it, and it is \
         durable once the thread is materialised."
}
"Resume" {
    R1 "warm resume" [N] ["SEED 1", "#11756"]
        "A warm resume (the thread materialised and loaded) without an override returns the live \
         policy and changes nothing."
    R2 "warm resume override" [N] ["#11756"]
        "A warm resume with an override, the thread having a subscriber or a running turn: the \
         override is ignored, and the reply shows the live policy."
    R3 "idle resume override" [N] ["#24528"]
        "A resume with an override of a thread that is loaded but idle and without a subscriber: \
         it is unloaded, then as R11."
    R4 "cold resume" [N] ["T-resume"]
        "A cold resume (after a restart or an unload) restores the approval policy (AP)."
    R5 "cold resume" [N] ["T-resume", "#30278"]
        "A cold resume restores the reviewer (RV)."
    R6 "profile on cold resume" [N] ["T-resume"]
        "A cold resume restores the id of the profile and resolves it against the present config."
    R7 "vanished profile" [N] ["T-resume"]
        "A profile id that no longer exists falls back to the configured default."
    R8 "cold resume" [S] ["G3", "T-resume: one test asserts the opposite"]
        "A cold resume (after a restart or an unload) restores the sandbox (SB) with all its \
         fields."
    R9 "model on cold resume" [N] ["#14888", "#19287"]
        "A cold resume restores model (M) and effort (E) together; with any model-like override in \
         the request, neither."
    R10 "folder on cold resume" [N] ["README", "T-resume"]
        "A cold resume takes as working folder (CWD) the latest setting of this thread, else its \
         start's; an explicit one wins without rewriting the persisted one. After a turn in a \
         folder that a cold resume chose, that one or the persisted one comes back."
    R11 "cold resume override" [S] ["G1"]
        "A cold resume with an override applies it, and it is durable with no turn after it (the \
         folder, CWD, is not)."
    R12 "config in request" [N] ["T-resume"]
        "A `config` object in a request (`approval_policy`, `sandbox_mode`, and so on) counts as \
         an override of that dimension."
    R13 "mode on cold resume" [D] ["SCHEMA"]
        "A cold resume restores the collaboration mode (CM) and the disabled plugins (DP)."
    R17 "kill after change" [S] ["G10"]
        "A kill after an acknowledged change loses none of it. Acknowledged means: turn/completed, \
         a reply that shows the value, or the notice. Of an unacknowledged change the result is \
         before or after, never a third value."
    R18 "idle unload" [D] ["README"]
        "A thread unloaded by idleness resumes as after a restart."
}
"Fork" {
    F1 "fork" [N; SB S] ["SEED 2", "T-fork"]
        "A fork without an override has the source's approval policy (AP), reviewer (RV) and \
         permissions, the source loaded or cold, the fork durable or ephemeral; the source is \
         never ephemeral (S7)."
    F2 "cut fork" [N; SB S] ["T-fork"]
        "A fork cut at `lastTurnId` or `beforeTurnId` takes the source's latest policy, not the \
         one at the cut."
    F3 "fork override" [N; SB S] ["SEED 3", "T-fork"]
        "A fork with an override has that dimension from the request, the others by F1."
    F4 "durable fork" [I; RV N] ["T-resume", "SEED 2"]
        "The fork's policy is durable with no turn; its id is new; the source is unchanged, and \
         later changes of the source do not reach it."
    F6 "forked folder and plugins" [S] ["observed"]
        "A fork inherits the folder (CWD) and the disabled plugins (DP)."
    F7 "forked model and mode" [S] ["#22106"]
        "A fork does not inherit model (M), effort (E), tier (T) and collaboration mode (CM): it \
         has config's values."
    F8 "ephemeral fork" [I] ["T-fork"]
        "An ephemeral fork inherits as a durable one does."
}
"Others" {
    O1 "revert" [I] ["SCHEMA"]
        "revert (rollback on older releases) changes history, not policy."
    O3 "archive" [I] ["README"]
        "archive then unarchive leaves policy as it was."
    O4 "compaction" [D] ["README"]
        "Compaction leaves policy as it was."
    O5 "review" [I] ["upstream source"]
        "A review runs with the approval policy (AP) never and the thread's permissions; the \
         thread's own policy is untouched."
    O6 "goal or queued turn" [D] ["README", "#29693"]
        "A goal's continuation and a queued turn run with the thread's policy of that moment."
    O7 "thread begun by goal" [N] ["T-resume"]
        "A thread that begins with a goal has its policy persisted when the goal is set."
    O8 "naming and reading" [I] ["SCHEMA"]
        "Naming, a user shell command, reading and listing change no policy, whatever their place \
         in the thread's life."
    O9 "new subagent" [I; WR S] ["#17247"]
        "A spawned subagent starts with its parent's approval policy (AP), reviewer (RV) and \
         permissions."
    O10 "later subagent turn" [S] ["#40278", "#36381"]
        "A subagent's later turn is not wider than its parent's present policy."
    CM1 "mode stated to model" [I] ["G9", "R13"]
        "The server states the thread's collaboration mode (CM) to the model: after a change, a \
         restart and a fork (F7: config's mode) the last mode block of the request names it, and \
         a block that says nothing counts as the one before it."
    O14 "two connections" [I] ["README"]
        "Two connections on one server see one policy; the last acknowledged writer wins."
    O13 "detached review" [I] ["upstream source"]
        "A review on a thread of its own runs as O5 says: with the approval policy (AP) never and \
         the permissions of the thread under review, not config's."
    WR1 "lasting roots" [S] ["SCHEMA", "F1"]
        "Workspace roots (WR) given at start, resume, fork or turn hold for later turns and come \
         back at a cold resume, and a fork without an override inherits them. A root that is the \
         thread's own folder follows the thread into another folder."
    WR2 "present folder" [I] ["SCHEMA"]
        "Inside and outside are judged by the present folder (CWD) and roots (WR): after a change \
         of folder a write into the old folder is outside, unless that folder is a root."
    E1 "never asks" [D] ["README (approvals)"]
        "Under the approval policy (AP) never, nobody is asked."
    E2 "inside the sandbox" [D] ["README"]
        "What lands without an approval lies inside the sandbox."
    E3 "user or reviewer" [D] ["SCHEMA"]
        "Under on-request with the reviewer (RV) auto_review, the reviewer is asked and not the \
         user; with the reviewer user, the user."
    E4 "untrusted asks" [D] ["README"]
        "Under untrusted the user is asked before a command that is not known to be safe."
    E5 "allowed is done" [D] ["README"]
        "What the policy allows is done, and nobody is asked: a command inside the sandbox under \
         on-request or never, and under untrusted only a command known to be safe."
    E6 "granular categories" [D] ["SCHEMA"]
        "Of a granular policy: a category that is off is refused at once with no question; one \
         that is on is asked about."
    E7 "network access" [D] ["README"]
        "The network follows the sandbox: without access a connection to a listener on loopback \
         fails inside it, with access it succeeds. The hosts that a profile allows are the same, \
         where the release restricts hosts at all (its feature `network_proxy`)."
    E8 "every kind of turn" [I] ["G9"]
        "E1 to E7 hold for every turn that runs commands: a client's, a fork's, a resumed \
         thread's, a subagent's, a review's, a goal's, a queued one, and the running turn after a \
         change (T6, T7, U1)."
    L1 "layers of config" [D] ["README (config)"]
        "A start takes each value from the first of these that states it: the request's own field, \
         the request's `config`, the project's `.codex/config.toml` where the project is trusted, \
         the user's config.toml, the built-in default."
    L2 "config stays as written" [I] ["G11"]
        "No operation on a thread changes what another thread starts with: config.toml has the \
         same meaning before and after every step, and a later start without an override gives \
         what it gave before."
    L3 "default not in config" [S] ["S2"]
        "Where config states no approval policy, reviewer or sandbox, start resolves a default. \
         That default is the thread's own from then on (S2), and it is the same for every start in \
         the same folder with the same trust."
    L4 "profile of a request" [S] ["F1", "R7"]
        "A profile that only a request's `config` defines is usable by every later operation of \
         that thread, forks included, or the operation is refused. It never gives way in silence \
         to something wider."
    L5 "tables of a profile" [S] ["R6", "F1"]
        "What a profile allows comes back with it at a fork and at a cold resume: its network and \
         hosts, its denied folders, its further roots."
    L6 "roots from config" [S] ["SCHEMA"]
        "`writable_roots` and `network_access` of config belong to a sandbox that is resolved from \
         config; a policy object in a request states its own."
    W1 "one answer" [N] ["JSON-RPC"]
        "Each request gets exactly one answer."
    W2 "schema" [N] ["SCHEMA"]
        "Each line is valid by the release's own schema."
    W3 "process stays up" [S] ["stance"]
        "The process ends only when told to, and prints no panic."
    W4 "one turn" [D] ["README"]
        "A turn starts once, completes once, and nothing of it follows."
}
"The SDK's clients" {
    K1 "no mode" [N] ["SEED", "#21910"]
        "`thread_start` without an approval mode sends auto_review; `run`, `turn`, `thread_fork` \
         and `thread_resume` without one send none, and so change nothing."
    K2 "mode and sandbox" [N] ["#21910"]
        "Each approval mode is sent as its documented approval policy and reviewer, each sandbox \
         preset as its sandbox, and nothing else is sent."
    K3 "sync and async" [N] ["SEED 6"]
        "The synchronous and the asynchronous client send the same for the same calls, also where \
         calls run at once on one client, so that a thread has the same policy; each call gets \
         the answer to its own request."
    K4 "close" [I] ["SDK"]
        "`close()` ends the server that the client started, and nothing that was acknowledged is \
         lost (R17)."
    K5 "default approvals" [I] ["upstream"]
        "The default approval handler approves nothing under approval policy never, since nothing \
         is asked (E1). What it approves under another policy is a notice."
    K6 "failed server" [I] ["SDK"]
        "Where the server refuses a call, has failed or was closed, the call ends with an error of \
         the SDK in bounded time: it does not hang, and no other error type comes out of it."
}
}

/// Every clause, in the contract's order.
pub fn all() -> &'static [Row] {
    ROWS
}

/// The row of one clause.
pub fn row(clause: Clause) -> &'static Row {
    &ROWS[clause as usize]
}

/// What a source cited in a row stands for, by its first word: a name of [`SOURCES`], an issue
/// number, or another clause. `None` where the text is not a source of this contract.
pub fn source_meaning(source: &str) -> Option<String> {
    let name = source.split([' ', ':']).next()?;
    if let Some((_, meaning)) = SOURCES.iter().find(|(known, _)| *known == name) {
        return Some((*meaning).to_owned());
    }
    if let Some(number) = name.strip_prefix('#').and_then(|digits| digits.parse::<u32>().ok()) {
        return Some(format!("issue or pull request {number} of openai/codex"));
    }
    let clause = name.parse::<Clause>().ok()?;
    Some(format!("follows from clause {}: {}", clause.titled(), row(clause).text))
}

impl Strength {
    /// What the letter means, as a sentence without its full stop.
    pub fn meaning(self) -> &'static str {
        match self {
            Strength::N => "an upstream test or a published schema text asserts it",
            Strength::D => "it is documented, and no test was found",
            Strength::I => "it follows from a neighbouring clause",
            Strength::S => "sources are silent or disagree, and this is the stance of the suite",
        }
    }

    /// What a finding against a clause of this strength is called.
    pub fn verdict(self) -> &'static str {
        match self {
            Strength::N | Strength::D => "conformance failure",
            Strength::I => "departure from an inferred clause",
            Strength::S => "departure from a stance",
        }
    }

    /// Whether a finding of this strength is a conformance failure: N and D.
    pub fn binds(self) -> bool {
        matches!(self, Strength::N | Strength::D)
    }
}

impl Clause {
    /// Whether it is about the clients of the SDK, and tested only where one performs the program.
    pub fn is_about_sdk(self) -> bool {
        self >= Clause::K1
    }

    /// The id and its title, as `R8 cold resume`.
    pub fn titled(self) -> String {
        format!("{self} {}", row(self).title)
    }
}

impl Row {
    /// The strength in a dimension, or the row's default where the clause is about none.
    pub fn strength(&self, dimension: Option<Dimension>) -> Strength {
        self.exceptions
            .iter()
            .find(|(exception, _)| Some(*exception) == dimension)
            .map_or(self.default, |(_, strength)| *strength)
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Row {
    /// One clause in full: `R4 [N] (T-resume): A cold resume …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}", self.clause, self.default)?;
        for (dimension, strength) in self.exceptions {
            write!(f, "; {dimension} {strength}")?;
        }
        write!(f, "] ({}): {}", self.sources.join(", "), self.text)
    }
}
