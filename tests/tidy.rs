//! House rules, checked on the source itself: the ones that the compiler, clippy and rustfmt do not
//! have.
//!
//! A rule is a function from sources to complaints. Beside it stands an example that it complains
//! about, so that a rule that no longer sees anything fails. ARCHITECTURE.md and CONTRIBUTING.md
//! explain the rules.

mod tidy {
    mod circles;
    mod places;
    mod purity;
    mod rooms;
    mod shape;
    mod source;

    use std::sync::LazyLock;

    use rooms::Table;
    use source::{Source, Tree, tracked_texts};

    static TREE: LazyLock<Tree> = LazyLock::new(|| {
        let texts = tracked_texts();
        let rust = texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        let tree = Tree::new(rust.map(|(path, text)| Source::parse(path, text)));
        assert!(tree.sources.contains_key("src/lib.rs"), "this test looks at the wrong folder");
        tree
    });

    fn assert_none(complaints: Vec<String>) {
        let count = complaints.len();
        assert!(complaints.is_empty(), "{count} complaints:\n{}", complaints.join("\n"));
    }

    #[test]
    fn a_room_uses_only_the_rooms_that_the_table_allows() {
        let table = Table::of_the_architecture();
        let uses = [table.missing_rooms(&TREE), table.forbidden_uses(&TREE)].concat();
        assert_none([table.faults(), uses].concat());
    }

    #[test]
    fn no_two_files_import_each_other() {
        assert_none(circles::complaints(&TREE));
    }

    #[test]
    fn core_rooms_are_pure_and_the_clock_and_chance_stay_at_the_edge() {
        let table = Table::of_the_architecture();
        assert_none(TREE.each(|source| purity::complaints(source, &table)));
    }

    #[test]
    fn each_file_and_function_has_the_shape_of_the_house() {
        assert_none(TREE.each(shape::complaints));
    }

    #[test]
    fn no_file_names_a_machine_or_a_registry() {
        let texts = tracked_texts();
        assert_none(texts.iter().flat_map(|(path, text)| places::complaints(path, text)).collect());
    }
}
