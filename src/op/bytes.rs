//! A case from a fuzzer's bytes.
//!
//! Each choice takes bytes of its own from the front, so that a changed byte changes one choice and
//! a longer text has more ops. Where the bytes end, the case does. Every text of bytes is a case:
//! nothing is refused, and nothing is drawn again.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::strategy::MAX_OPS;
use super::{
    Action, Case, Consent, Cut, Delay, Ending, Finish, Flaw, Method, Op, Pick, Probe, Review, Stop,
    Wrong,
};
use crate::policy::{
    Approval, ApprovalMode, CallOverrides, Defaults, Granular, Overrides, Reviewer, Sandbox,
    SandboxMode, Setting, TurnOverrides,
};

const MODES: [SandboxMode; 3] =
    [SandboxMode::ReadOnly, SandboxMode::WorkspaceWrite, SandboxMode::FullAccess];

const BUNDLES: [ApprovalMode; 3] =
    [ApprovalMode::DenyAll, ApprovalMode::AutoReview, ApprovalMode::Bypass];

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Case> {
        let defaults = defaults(bytes)?;
        let mut ops = vec![Op::Start { overrides: call(bytes)?, ephemeral: false }];
        while ops.len() < MAX_OPS && !bytes.is_empty() {
            ops.push(op(bytes)?);
        }
        Ok(Case { defaults, ops, servers: Vec::new() })
    }
}

fn op(bytes: &mut Unstructured<'_>) -> Result<Op> {
    Ok(match bytes.int_in_range(0..=31_u8)? {
        0..=1 => Op::Start { overrides: call(bytes)?, ephemeral: rarely(bytes)? },
        2..=7 => Op::Run { thread: pick(bytes)?, overrides: turn(bytes)?, ending: ending(bytes)? },
        8..=10 => Op::Fork {
            from: pick(bytes)?,
            overrides: call(bytes)?,
            cut: cut(bytes)?,
            ephemeral: rarely(bytes)?,
        },
        11..=12 => Op::Resume { thread: pick(bytes)?, overrides: call(bytes)? },
        13 => Op::WarmRead { thread: pick(bytes)? },
        14..=15 => Op::Restart {
            stop: *bytes.choose(&[Stop::Graceful, Stop::Kill])?,
            drop_db: rarely(bytes)?,
            server: None,
        },
        16 => Op::Configure { defaults: defaults(bytes)? },
        17..=18 => Op::Settings { thread: pick(bytes)?, overrides: turn(bytes)? },
        19 => Op::Begin { thread: pick(bytes)?, overrides: turn(bytes)? },
        20 => Op::Finish { thread: pick(bytes)?, finish: *bytes.choose(&FINISHES)? },
        21 => Op::Steer { thread: pick(bytes)? },
        22 => Op::TurnSettings { thread: pick(bytes)?, reviewer: reviewer(bytes)? },
        23..=25 => Op::Action { thread: pick(bytes)?, act: *bytes.choose(&Action::ALL)? },
        26 => Op::ColdRead { thread: pick(bytes)? },
        27 => wrapped(bytes)?,
        28 => Op::Spawn { thread: pick(bytes)? },
        29 => Op::SubagentTurn { thread: pick(bytes)? },
        30 => Op::Invalid {
            thread: pick(bytes)?,
            method: *bytes.choose(&Method::all())?,
            wrong: *bytes.choose(&Wrong::ALL)?,
        },
        _ => match bytes.arbitrary()? {
            true => Op::SecondServer { thread: pick(bytes)? },
            false => Op::Disk { full: bytes.arbitrary()? },
        },
    })
}

const FINISHES: [Finish; 2] = [Finish::Complete, Finish::Interrupt];

/// An operation within another; of plain ones only, so that bytes never nest without end.
fn wrapped(bytes: &mut Unstructured<'_>) -> Result<Op> {
    Ok(match bytes.int_in_range(0..=2_u8)? {
        0 => Op::SecondClient(Box::new(plain(bytes)?)),
        1 => {
            let after = *bytes.choose(&Delay::ALL)?;
            Op::KillDuring(Box::new(changing(bytes)?), after)
        }
        _ => Op::Parallel(vec![plain(bytes)?, plain(bytes)?]),
    })
}

/// One that may be torn off.
fn changing(bytes: &mut Unstructured<'_>) -> Result<Op> {
    Ok(match bytes.int_in_range(0..=9_u8)? {
        0 => Op::Start { overrides: call(bytes)?, ephemeral: rarely(bytes)? },
        1 => Op::Begin { thread: pick(bytes)?, overrides: turn(bytes)? },
        2 => Op::Finish { thread: pick(bytes)?, finish: Finish::Interrupt },
        3 => Op::Steer { thread: pick(bytes)? },
        4 => Op::TurnSettings { thread: pick(bytes)?, reviewer: reviewer(bytes)? },
        5 => Op::Action { thread: pick(bytes)?, act: *bytes.choose(&Action::ALL)? },
        6 => Op::Parallel(vec![plain(bytes)?, plain(bytes)?]),
        _ => plain(bytes)?,
    })
}

fn plain(bytes: &mut Unstructured<'_>) -> Result<Op> {
    let thread = pick(bytes)?;
    Ok(match bytes.int_in_range(0..=3_u8)? {
        0 => Op::Resume { thread, overrides: call(bytes)? },
        1 => Op::Fork { from: thread, overrides: call(bytes)?, cut: None, ephemeral: false },
        2 => Op::Settings { thread, overrides: turn(bytes)? },
        _ => Op::Run { thread, overrides: turn(bytes)?, ending: Ending::Completes },
    })
}

fn cut(bytes: &mut Unstructured<'_>) -> Result<Option<Cut>> {
    Ok(match bytes.int_in_range(0..=7_u8)? {
        0 => Some(Cut::Last(bytes.int_in_range(0..=7)?)),
        1 => Some(Cut::Before(bytes.int_in_range(0..=7)?)),
        _ => None,
    })
}

fn rarely(bytes: &mut Unstructured<'_>) -> Result<bool> {
    Ok(bytes.int_in_range(0..=7_u8)? == 7)
}

fn pick(bytes: &mut Unstructured<'_>) -> Result<Pick> {
    bytes.arbitrary().map(Pick)
}

fn ending(bytes: &mut Unstructured<'_>) -> Result<Ending> {
    Ok(match bytes.int_in_range(0..=15_u8)? {
        0..=8 => Ending::Completes,
        9 => Ending::Probe(
            *bytes.choose(&Probe::ALL)?,
            Consent { client: bytes.arbitrary()?, review: *bytes.choose(&Review::ALL)? },
        ),
        10 => Ending::Fails,
        11 => Ending::HttpError,
        12 => Ending::Drops,
        13 => Ending::Interrupted,
        _ => Ending::Refused(*bytes.choose(&Flaw::ALL)?),
    })
}

/// `untrusted` is no default, as in the strategy.
fn defaults(bytes: &mut Unstructured<'_>) -> Result<Defaults> {
    let approval = match bytes.int_in_range(0..=2_u8)? {
        0 => Approval::OnRequest,
        1 => Approval::Never,
        _ => Approval::Granular(granular(bytes)?),
    };
    let reviewer = reviewer(bytes)?;
    let sandbox = *bytes.choose(&MODES)?;
    let plain = Defaults::default();
    Ok(Defaults { approval, reviewer, sandbox, network: bytes.arbitrary()?, ..plain })
}

fn call(bytes: &mut Unstructured<'_>) -> Result<CallOverrides> {
    overrides(bytes, |bytes| Ok(*bytes.choose(&MODES)?), ApprovalMode::on_call)
}

fn turn(bytes: &mut Unstructured<'_>) -> Result<TurnOverrides> {
    overrides(bytes, sandbox, ApprovalMode::on_turn)
}

type Draw<T> = fn(&mut Unstructured<'_>) -> Result<T>;

/// None, an SDK mode, or field by field.
fn overrides<S>(
    bytes: &mut Unstructured<'_>,
    sandbox: Draw<S>,
    by_mode: fn(ApprovalMode) -> Overrides<S>,
) -> Result<Overrides<S>> {
    Ok(match bytes.int_in_range(0..=7_u8)? {
        0..=2 => Overrides::default(),
        3 => by_mode(*bytes.choose(&BUNDLES)?),
        _ => Overrides {
            approval: setting(bytes, approval)?,
            reviewer: setting(bytes, reviewer)?,
            sandbox: setting(bytes, sandbox)?,
            ..Overrides::default()
        },
    })
}

fn setting<T>(bytes: &mut Unstructured<'_>, value: Draw<T>) -> Result<Setting<T>> {
    Ok(match bytes.int_in_range(0..=7_u8)? {
        0..=3 => Setting::Omit,
        4 => Setting::Null,
        _ => Setting::Set(value(bytes)?),
    })
}

fn approval(bytes: &mut Unstructured<'_>) -> Result<Approval> {
    Ok(match bytes.int_in_range(0..=3_u8)? {
        0 => Approval::Untrusted,
        1 => Approval::OnRequest,
        2 => Approval::Never,
        _ => Approval::Granular(granular(bytes)?),
    })
}

fn granular(bytes: &mut Unstructured<'_>) -> Result<Granular> {
    let fields: u8 = bytes.arbitrary()?;
    let on = |bit: u8| fields & (1 << bit) != 0;
    Ok(Granular {
        sandbox_approval: on(0),
        rules: on(1),
        skill_approval: on(2),
        request_permissions: on(3),
        mcp_elicitations: on(4),
    })
}

fn reviewer(bytes: &mut Unstructured<'_>) -> Result<Reviewer> {
    let automatic = bytes.arbitrary()?;
    Ok(if automatic { Reviewer::AutoReview } else { Reviewer::User })
}

fn sandbox(bytes: &mut Unstructured<'_>) -> Result<Sandbox> {
    let fields: u8 = bytes.arbitrary()?;
    let on = |bit: u8| fields & (1 << bit) != 0;
    let network = on(2);
    Ok(match fields & 3 {
        0 => Sandbox::ReadOnly { network },
        1 => Sandbox::WorkspaceWrite {
            network,
            exclude_tmpdir: on(3),
            exclude_slash_tmp: on(4),
            roots: on(5).then(|| "OUT".to_owned()).into_iter().collect(),
        },
        2 => Sandbox::FullAccess,
        _ => Sandbox::External { network },
    })
}
