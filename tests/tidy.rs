//! House rules, checked on the source itself.
//!
//! Each rule is a function from a source to its complaints; beside it stands an example that it
//! complains about, so that a rule which has gone blind fails here. Then all run over the tree.
//! The compiler, clippy and rustfmt keep their own rules; these are the ones that they cannot know.

mod tidy {
    mod arrows;
    mod calls;
    mod face;
    mod functions;
    mod mention;
    mod names;
    mod places;
    mod purity;
    mod rooms;
    mod source;

    use source::{Complaint, Rule, Source};

    /// Every rule about a Rust source.
    const RULES: &[Rule] = &[
        arrows::crossing,
        calls::attributes,
        calls::phrases,
        face::header,
        face::length,
        face::width,
        functions::limits,
        names::imports,
        names::tests_apart,
        names::types,
        purity::chance,
        purity::clock,
        purity::core,
    ];

    #[test]
    fn the_tree_keeps_the_house_rules() {
        let sources = source::sources();
        assert!(
            sources.iter().any(|source| source.path == "src/lib.rs"),
            "src/lib.rs is not among the sources: this test looks at the wrong folder"
        );
        let complaints: Vec<String> = sources.iter().flat_map(complaints).collect();
        assert!(
            complaints.is_empty(),
            "{} complaints about the house rules (CONTRIBUTING.md explains them):\n{}",
            complaints.len(),
            complaints.join("\n")
        );
    }

    #[test]
    fn no_file_names_a_machine_or_a_registry() {
        let texts = source::texts();
        let complaints: Vec<String> = texts
            .iter()
            .flat_map(|(path, text)| places::named(path, text))
            .map(|complaint| complaint.to_string())
            .collect();
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }

    fn complaints(source: &Source) -> Vec<String> {
        let complaints: Vec<Complaint> = RULES.iter().flat_map(|rule| rule(source)).collect();
        complaints.iter().map(Complaint::to_string).collect()
    }
}
