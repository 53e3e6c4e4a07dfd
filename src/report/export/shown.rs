//! The message of a run that shows a finding.

use serde_json::Value;

use super::lines::{message, places};
use super::subject::NoExport;
use crate::judge::verdict::Finding;
use crate::model::expectations::{ACCEPTED, REFUSED};
use crate::policy::Policy;
use crate::protocol::notifications::{self, Notification};
use crate::protocol::policy::of_reply;
use crate::protocol::rpc::Message;
use crate::protocol::statement::{self, Statement};
use crate::trace::view::View;
use crate::transcript::{Entry, Transcript};

/// What shows the finding.
#[derive(Clone, Debug)]
pub(super) enum Exhibit {
    /// A value in a reply.
    Reply(Statement),
    /// A value in a settings notice.
    Notice(Statement),
    /// Whether a request is granted.
    Outcome { granted_is_due: bool },
}

/// Where in a transcript it shows.
pub(super) struct Exhibited {
    pub(super) step: usize,
    pub(super) entry: usize,
    pub(super) exhibit: Exhibit,
}

impl Exhibited {
    /// The first message from the finding's step on that shows it.
    pub(super) fn find(finding: &Finding, transcript: &Transcript) -> Result<Exhibited, NoExport> {
        let mut step = None;
        let mut outcome = None;
        for (entry, what) in transcript.entries.iter().enumerate() {
            if let Entry::Step(next) = what {
                step = Some(*next);
            }
            let (Some(step), Entry::Received(line)) = (step, what) else { continue };
            if step < finding.step {
                continue;
            }
            if let Some(exhibit) = shown(finding, line, step) {
                return Ok(Exhibited { step, entry, exhibit });
            }
            let is_answer = matches!(message(line), Some(Message::Answer { .. }));
            if step == finding.step && is_answer {
                outcome = Some(entry);
            }
        }
        let granted_is_due = match finding.form.as_str() {
            ACCEPTED => true,
            REFUSED => false,
            _ => return Err(NoExport::view(finding)),
        };
        let entry = outcome.filter(|_| finding.views.contains(&View::Reply));
        let entry = entry.ok_or_else(|| NoExport::view(finding))?;
        Ok(Exhibited { step: finding.step, entry, exhibit: Exhibit::Outcome { granted_is_due } })
    }
}

/// What a line shows of a wrong value. Further steps count where the finding's views name them.
fn shown(finding: &Finding, line: &Value, step: usize) -> Option<Exhibit> {
    let dimension = finding.dimension?;
    let places = places();
    let due = finding.policies.as_ref()?.expected.value(dimension)?;
    let is_of_thread = |id: &str| match finding.thread {
        Some(thread) => id == format!("<{thread}>"),
        None => true,
    };
    let wrong =
        |policy: Policy| policy.value(dimension).filter(|value| value.to_string() == finding.seen);
    let has = |views: &[View]| {
        step == finding.step || views.iter().any(|view| finding.views.contains(view))
    };
    match message(line)? {
        Message::Answer { outcome: Ok(reply), .. } if has(&[View::Reply, View::WarmRead]) => {
            let seen = wrong(of_reply(&reply, &places)?)?;
            notifications::thread_id(&reply).filter(|id| is_of_thread(id))?;
            statement::of_reply(&reply, &due, &seen, &places).map(Exhibit::Reply)
        }
        Message::Notification { method, params, .. } if has(&[View::Notice]) => {
            let news = notifications::read(&method, &params, &places)?;
            let Notification::Settings { thread, policy: Some(policy) } = news else {
                return None;
            };
            let seen = wrong(policy).filter(|_| is_of_thread(&thread))?;
            statement::of_notice(&params, &due, &seen, &places).map(Exhibit::Notice)
        }
        _ => None,
    }
}
