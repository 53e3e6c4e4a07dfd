//! Places that no file names: folders of somebody's machine, and hosts of package registries.
//!
//! The first work nowhere else; the second belong to the registries' own clients, which a person
//! may have set to a mirror. What is looked for is put together from pieces, so that this file
//! may be looked at too.

use expect_test::expect;

use super::source::Complaint;

/// First folders of paths that exist on one machine only.
const FOLDERS: &[&str] = &["home", "root", "work", "Users"];

/// Registries: the name and the end of each host.
const REGISTRIES: &[(&str, &str)] = &[
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("yarnpkg", "com"),
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("crates", "io"),
];

/// Written by cargo, which names its registry in it.
const WRITTEN_BY_CARGO: &[&str] = &["Cargo.lock", "fuzz/Cargo.lock"];

/// Complains about each line of a text that names such a place.
pub(crate) fn named(path: &str, text: &str) -> Vec<Complaint> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let folder = FOLDERS.iter().find(|folder| names_folder(line, folder));
        if let Some(folder) = folder {
            let says = format!("a path of one machine, below /{folder}");
            found.push(Complaint::new(path, number, says));
        }
        let registry = REGISTRIES.iter().find(|host| names_host(line, host));
        if let Some((name, _)) = registry
            && !WRITTEN_BY_CARGO.contains(&path)
        {
            let says = format!("a host of the registry {name}: its own client knows it");
            found.push(Complaint::new(path, number, says));
        }
    }
    found
}

/// Whether a line has an absolute path below the folder: one that no longer path leads up to.
fn names_folder(line: &str, folder: &str) -> bool {
    let leads_up = |letter: char| letter.is_alphanumeric() || "_-.~$})]>*/".contains(letter);
    line.match_indices(&format!("/{folder}/")).any(|(at, _)| !line[..at].ends_with(leads_up))
}

fn names_host(line: &str, (name, end): &(&str, &str)) -> bool {
    line.contains(&format!("{name}.{end}"))
}

#[test]
fn a_path_of_one_machine_is_complained_of() {
    let bad = format!(
        "cd {0}{1}/me\nopen(\"{0}{2}/x\")\n$HOME{0}{1}/a {0}tmp{0}{1}/b\n",
        "/", "home", "root"
    );
    let told: Vec<String> = named("ci/x", &bad).iter().map(|c| format!("{c}\n")).collect();
    expect![[r#"
        ci/x:1: a path of one machine, below /home
        ci/x:2: a path of one machine, below /root
    "#]]
    .assert_eq(&told.concat());
}

#[test]
fn a_host_of_a_registry_is_complained_of() {
    let bad = format!("curl https://registry.{}.{}/x\nnpm pack x\n", "npmjs", "org");
    let told: Vec<String> = named("ci/x", &bad).iter().map(|c| format!("{c}\n")).collect();
    expect![[r#"
        ci/x:1: a host of the registry npmjs: its own client knows it
    "#]]
    .assert_eq(&told.concat());
    assert!(named("Cargo.lock", "crates-io").is_empty());
}
