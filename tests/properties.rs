//! Laws of the core, for any case that can be drawn.
//!
//! A law is a function from a drawn value to a complaint. One configuration serves all of them;
//! what failed once is kept as a seed in `proptest-regressions/` and tried first. No law needs a
//! server: where one has to answer, a simulated one does.

mod simulated;

mod properties {
    mod drawing;
    mod drawn;
    mod faults;
    mod judging;
    mod moving;
    mod programs;
    mod rollouts;
    mod shrinking;
    mod spelling;
    mod texts;

    use proptest::strategy::Strategy;
    use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};

    /// Where seeds of failures are kept.
    const SEEDS: &str = "proptest-regressions/properties.txt";

    /// The configuration of every law.
    fn config() -> Config {
        Config {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
            ..Config::default()
        }
    }

    /// Tries a law on values of a strategy; what it complains of is shrunk and told.
    fn check<S: Strategy>(values: S, law: impl Fn(S::Value) -> Result<(), String>) {
        let tried =
            TestRunner::new(config()).run(&values, |value| law(value).map_err(TestCaseError::fail));
        if let Err(broken) = tried {
            panic!("{broken}");
        }
    }

    /// The complaint that two things differ, if they do.
    fn same<T: PartialEq + std::fmt::Debug>(seen: &T, due: &T) -> Result<(), String> {
        match seen == due {
            true => Ok(()),
            false => Err(format!("{seen:?}\nwhere this is due:\n{due:?}")),
        }
    }
}
