//! The steps of a program, one by one.

use super::ops::{operation, operations};
use super::run::{Aborted, Runner};
use super::transport::Transport;
use crate::program::Program;
use crate::program::ops::Step;

impl Runner<'_> {
    /// Performs every step, the audit's included.
    pub(super) fn program(&mut self, program: &Program) -> Result<(), Aborted> {
        self.recorder.record_all(self.schema_check.begin());
        self.unloads_idle =
            program.steps.iter().flat_map(operations).any(|operation| operation.awaits_unload());
        self.active.home.unload_soon(self.unloads_idle);
        let probes = program.steps.iter().filter_map(Step::probe).map(|script| script.probe);
        if let Err(error) = self.active.home.offer_tools(probes.collect()) {
            return Err(self.no_room(&error));
        }
        self.configure(&program.defaults)?;
        let by_sdk = self.test_bed.sdk.is_some();
        self.transport = if by_sdk { Transport::Pipes } else { Transport::of(program) };
        // A restart in the first line starts the server that it names.
        if program.steps.first().and_then(Step::moves_to).is_none() {
            self.take_server(program)?;
        }
        for (index, step) in program.with_audit().iter().enumerate() {
            self.recorder.begin_step(index);
            self.schema_check.on_purpose = step.must_be_refused();
            self.active.spent |= spends_home(step);
            self.step(step)?;
            self.settle_calls()?;
            self.read_config();
            self.model_requests.record(self.recorder, self.active.home.places());
        }
        Ok(())
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<(), Aborted> {
        match step {
            Step::SecondClient(inner) => self.second_client(inner),
            Step::KillDuring(inner, delay) => self.kill_during(inner, *delay),
            Step::Parallel(lanes) => self.parallel(lanes),
            step => operation(step).expect("a step without a wrapper").perform(self),
        }
    }
}

/// Whether a step leaves a home that is not used for another case.
fn spends_home(step: &Step) -> bool {
    let kills = matches!(step, Step::KillDuring(..));
    kills || operations(step).any(|operation| operation.spends_home())
}

/// Whether a program has a probe.
pub(super) fn has_probe(program: &Program) -> bool {
    program.steps.iter().any(|step| step.probe().is_some())
}
