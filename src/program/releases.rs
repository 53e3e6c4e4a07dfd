//! Which server runs on the home, step by step.
//!
//! A plan begins on the server that is checked, or on the one that its first line names; a restart
//! that names a server moves the home to it, and every other step leaves it where it is. Says what
//! the plan wants, and knows neither which release is checked nor whether one can be had.

use semver::Version;

use super::Program;
use super::ops::Step;
use super::ops::restart::{Restart, Server};

impl Program {
    /// The releases that the plan names, each once, in the order in which it names them.
    pub fn releases(&self) -> Vec<Version> {
        let mut releases = Vec::new();
        for step in &self.steps {
            if let Some(Server::Release(release)) = step.moves_to()
                && !releases.contains(release)
            {
                releases.push(release.clone());
            }
        }
        releases
    }

    /// The server whose home the plan begins on.
    pub fn begins_on(&self) -> &Server {
        self.steps.first().and_then(Step::moves_to).unwrap_or(&Server::Main)
    }

    /// The server that runs at the end of each line, in order.
    pub fn residents(&self) -> Vec<&Server> {
        let mut now = self.begins_on();
        let mut all = Vec::new();
        for step in &self.steps {
            now = step.moves_to().unwrap_or(now);
            all.push(now);
        }
        all
    }
}

impl Step {
    /// The server that a restart moves the home to, where it names one.
    pub fn moves_to(&self) -> Option<&Server> {
        match self {
            Step::Restart(Restart { release, .. }) => release.as_ref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::program::Program;

    /// The releases of a program, and what runs at the end of each of its lines.
    fn check(lines: &str, expected: Expect) {
        let read: Result<Program, _> =
            format!("# heirloom case v2\nconfig\n{lines}audit\n").parse();
        let list = |all: Vec<String>| all.join(" ");
        expected.assert_eq(&match read {
            Ok(program) => {
                let releases = program.releases().iter().map(ToString::to_string).collect();
                let residents = program.residents().iter().map(ToString::to_string).collect();
                let (begins, again) = (program.begins_on(), program.normalised() == program);
                let (releases, residents) = (list(releases), list(residents));
                format!("{releases}; begins on {begins}; {residents}; is normal: {again}")
            }
            Err(error) => error.to_string().replace("; ", "\n"),
        });
    }

    #[test]
    fn a_home_stays_with_the_release_that_had_it_last() {
        check(
            "start -> t0\nrestart kill release=0.144.4\nrestart graceful drop-db\n\
             restart graceful release=main\nresume t0\n",
            expect!["0.144.4; begins on main; main 0.144.4 0.144.4 main main; is normal: true"],
        );
    }

    #[test]
    fn a_plan_may_begin_on_the_home_of_another_release() {
        check(
            "restart graceful release=0.131.0\nstart -> t0\n",
            expect!["0.131.0; begins on 0.131.0; 0.131.0 0.131.0; is normal: true"],
        );
    }

    #[test]
    fn a_plan_that_names_no_other_release_lifts_to_plain_restarts() {
        check(
            "restart graceful release=main\n",
            expect!["; begins on main; main; is normal: false"],
        );
    }

    #[test]
    fn a_server_that_is_no_release_is_refused_in_words() {
        check(
            "restart graceful release=newest\n",
            expect![[r#"
                line 3: `release=newest` is not a release: unexpected character 'n' while parsing major version number
                expected one such as `release=0.144.4`, or `release=main` for the one that is checked"#]],
        );
        check(
            "restart graceful release=0.144\n",
            expect![[r#"
                line 3: `release=0.144` is not a release: unexpected end of input while parsing minor version number
                expected one such as `release=0.144.4`, or `release=main` for the one that is checked"#]],
        );
        check(
            "restart graceful release=0.144.4 release=main\n",
            expect!["line 3: `release=main` is not understood here"],
        );
    }
}
