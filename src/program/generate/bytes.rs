//! Values from a fuzzer's bytes.
//!
//! Each choice takes its own bytes from the front, so that a changed byte changes one choice and a
//! longer text has more steps. Nothing is refused, and nothing is drawn again.

use arbitrary::{Result, Unstructured};
use strum::IntoEnumIterator;

use crate::policy::{
    Approval, ApprovalMode, CallOverrides, Defaults, Granular, Layer, Overrides, Reviewer, Sandbox,
    SandboxMode, Setting, TurnOverrides,
};
use crate::program::reply::{Consent, ProbeScript};
use crate::program::request::Cut;
use crate::program::thread::{ThreadName, ThreadRef};

const MODES: [SandboxMode; 3] =
    [SandboxMode::ReadOnly, SandboxMode::WorkspaceWrite, SandboxMode::FullAccess];

const BUNDLES: [ApprovalMode; 3] =
    [ApprovalMode::DenyAll, ApprovalMode::AutoReview, ApprovalMode::Bypass];

pub fn cut(bytes: &mut Unstructured<'_>) -> Result<Option<Cut>> {
    Ok(match bytes.int_in_range(0..=7_u8)? {
        0 => Some(Cut::Last(bytes.int_in_range(0..=7)?)),
        1 => Some(Cut::Before(bytes.int_in_range(0..=7)?)),
        _ => None,
    })
}

pub fn rarely(bytes: &mut Unstructured<'_>) -> Result<bool> {
    Ok(bytes.int_in_range(0..=7_u8)? == 7)
}

/// A thread by number; normalising makes it one that exists.
pub fn thread(bytes: &mut Unstructured<'_>) -> Result<ThreadRef> {
    Ok(match bytes.arbitrary::<u8>()? {
        u8::MAX => ThreadRef::Unknown,
        number => ThreadRef::Thread(ThreadName(number.into())),
    })
}

/// A probe, approved or not.
pub fn probe(bytes: &mut Unstructured<'_>) -> Result<ProbeScript> {
    let probe = choose(bytes)?;
    let consent = Consent { client: bytes.arbitrary()?, review: choose(bytes)? };
    Ok(ProbeScript { probe, consent })
}

/// The same, in few turns.
pub fn rare_probe(bytes: &mut Unstructured<'_>) -> Result<Option<ProbeScript>> {
    if rarely(bytes)? { probe(bytes).map(Some) } else { Ok(None) }
}

/// One of the values of a type.
pub fn choose<T: IntoEnumIterator>(bytes: &mut Unstructured<'_>) -> Result<T> {
    let count = T::iter().count();
    let index = bytes.choose_index(count)?;
    Ok(T::iter().nth(index).expect("the index is below the count"))
}

/// `untrusted` is not a default, as in the strategies.
pub fn defaults(bytes: &mut Unstructured<'_>) -> Result<Defaults> {
    let approval = match bytes.int_in_range(0..=2_u8)? {
        0 => Approval::OnRequest,
        1 => Approval::Never,
        _ => Approval::Granular(granular(bytes)?),
    };
    let reviewer = reviewer(bytes)?;
    let sandbox = *bytes.choose(&MODES)?;
    let plain = Defaults::default();
    let user = Layer { approval: Some(approval), reviewer: Some(reviewer), sandbox: Some(sandbox) };
    Ok(Defaults { user, network: bytes.arbitrary()?, ..plain })
}

pub fn call(bytes: &mut Unstructured<'_>) -> Result<CallOverrides> {
    overrides(bytes, |bytes| Ok(*bytes.choose(&MODES)?), ApprovalMode::on_call)
}

pub fn turn(bytes: &mut Unstructured<'_>) -> Result<TurnOverrides> {
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

pub fn reviewer(bytes: &mut Unstructured<'_>) -> Result<Reviewer> {
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
