//! Laws of the core, for any program that can be drawn.
//!
//! A law is a function from a drawn value to a complaint. A value that failed is kept as a seed in
//! `proptest-regressions/` and tried first. No law needs a server: a simulated one takes its place.

mod simulated;

mod properties {
    mod causes;
    mod drawing;
    mod drawn;
    mod enforcement;
    mod faults;
    mod judging;
    mod kept_verdicts;
    mod masking;
    mod moving;
    mod programs;
    mod rollouts;
    mod shrinking;
    mod spelling;
    mod texts;

    use proptest::strategy::Strategy;
    use proptest::test_runner::{
        Config, FileFailurePersistence, RngSeed, TestCaseError, TestRunner,
    };

    /// Where seeds of failures are kept.
    const SEEDS: &str = "proptest-regressions/properties.txt";

    /// The configuration of every law. The values are the same in every run, so that a failure is of
    /// the change under test; `PROPTEST_RNG_SEED` draws others.
    fn config() -> Config {
        let mut config = Config {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
            ..Config::default()
        };
        if config.rng_seed == RngSeed::Random {
            config.rng_seed = RngSeed::Fixed(1);
        }
        config
    }

    /// Tries a law on values of a strategy, and panics with the smallest that breaks it.
    fn check<S: Strategy>(values: S, law: impl Fn(S::Value) -> Result<(), String>) {
        let tried =
            TestRunner::new(config()).run(&values, |value| law(value).map_err(TestCaseError::fail));
        if let Err(broken) = tried {
            panic!("{broken}");
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(actual: &T, expected: &T) -> Result<(), String> {
        if actual == expected {
            return Ok(());
        }
        Err(format!("{actual:?}\nwhere this is expected:\n{expected:?}"))
    }
}
