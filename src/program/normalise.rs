//! Every list of steps is a legal program.
//!
//! A thread that no earlier step creates becomes one that exists at that point, counted modulo
//! their number, or the unknown thread where none exists. A wrapper that does not fit its step
//! gives way to the step. Threads are named in order, and prompts and replies get the texts of
//! drawn programs. So the shrinker may delete any step, and equal programs have one form.

use std::collections::BTreeMap;

use super::Program;
use super::ops::disk::Disk;
use super::ops::restart::{Restart, Server};
use super::ops::{PARALLEL_MAX, Step};
use super::thread::{ThreadName, ThreadRef};

impl Program {
    /// The program in its normal form.
    pub fn normalised(&self) -> Program {
        let mut names = Names::default();
        let mut turns = 0;
        let steps = self.steps.iter().map(|step| {
            let step = fitted(step.clone());
            names.in_order(step).canonical(&mut turns)
        });
        let mut steps: Vec<Step> = steps.collect();
        if self.releases().is_empty() {
            steps.iter_mut().for_each(without_release);
        }
        Program { defaults: self.defaults.clone(), steps }
    }
}

/// A program that names no other release needs no word for the one that is checked.
fn without_release(step: &mut Step) {
    if let Step::Restart(Restart { release, .. }) = step {
        release.take_if(|release| *release == Server::Main);
    }
}

/// The names of the threads so far.
#[derive(Default)]
struct Names {
    new: BTreeMap<ThreadName, ThreadName>,
    named: Vec<ThreadName>,
}

impl Names {
    /// The step with threads that exist before it, and with the next names for new ones.
    fn in_order(&mut self, mut step: Step) -> Step {
        let before = self.named.clone();
        let new = self.new.clone();
        for leaf in step.leaves_mut() {
            if let Some(thread) = leaf.thread_mut() {
                *thread = existing(*thread, &new, &before);
            }
            if let Some(name) = leaf.creates_mut() {
                *name = self.next(*name);
            }
        }
        step
    }

    fn next(&mut self, old: ThreadName) -> ThreadName {
        let count = self.named.len();
        let new =
            ThreadName(u16::try_from(count).expect("a program creates fewer than 65536 threads"));
        if old != ThreadName::NEW {
            self.new.insert(old, new);
        }
        self.named.push(new);
        new
    }
}

fn existing(
    thread: ThreadRef,
    new: &BTreeMap<ThreadName, ThreadName>,
    named: &[ThreadName],
) -> ThreadRef {
    let Some(name) = thread.name().filter(|_| !named.is_empty()) else {
        return ThreadRef::Unknown;
    };
    let counted = || named[usize::from(name.0) % named.len()];
    ThreadRef::Thread(new.get(&name).copied().unwrap_or_else(counted))
}

/// The step without wrappers that do not fit what they wrap.
fn fitted(step: Step) -> Step {
    match step {
        Step::SecondClient(inner) => {
            let inner = fitted(*inner);
            if inner.fits_second_client() { Step::SecondClient(Box::new(inner)) } else { inner }
        }
        Step::KillDuring(inner, delay) => {
            let inner = fitted(*inner);
            if inner.can_be_killed() { Step::KillDuring(Box::new(inner), delay) } else { inner }
        }
        Step::Parallel(steps) => {
            let first = steps.first().cloned();
            let mut fitting: Vec<Step> =
                steps.into_iter().filter(Step::fits_parallel).take(PARALLEL_MAX).collect();
            match fitting.len() {
                0 => first.map_or(Step::from(Disk { full: false }), fitted),
                1 => fitting.swap_remove(0),
                _ => Step::Parallel(fitting),
            }
        }
        operation => operation,
    }
}
