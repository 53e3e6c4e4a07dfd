//! Places that no file names: folders of one machine, and hosts of package registries.
//!
//! The first work nowhere else; the second are known to the registries' own clients, which may be
//! set to a mirror. What is looked for is put together from pieces, so that this file can be
//! checked too.

use expect_test::expect;

/// First folders of paths that exist on one machine only.
const FOLDERS: &[&str] = &["home", "root", "work", "Users"];

/// The name and the end of each registry's host.
const REGISTRIES: &[(&str, &str)] = &[
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("yarnpkg", "com"),
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("crates", "io"),
];

/// Cargo writes the name of its registry here.
const WRITTEN_BY_CARGO: &[&str] = &["Cargo.lock", "fuzz/Cargo.lock"];

pub(crate) fn complaints(path: &str, text: &str) -> Vec<String> {
    let hosts: Vec<String> = REGISTRIES.iter().map(|(name, end)| format!("{name}.{end}")).collect();
    let mut complaints = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(folder) = FOLDERS.iter().find(|folder| names_folder(line, folder)) {
            complaints.push(format!("{path}:{number}: a path of one machine, below /{folder}"));
        }
        if let Some(host) = hosts.iter().find(|host| line.contains(host.as_str()))
            && !WRITTEN_BY_CARGO.contains(&path)
        {
            complaints.push(format!("{path}:{number}: {host} is known to the registry's client"));
        }
    }
    complaints
}

/// Whether a line has an absolute path that begins with the folder.
fn names_folder(line: &str, folder: &str) -> bool {
    let leads_up = |letter: char| letter.is_alphanumeric() || "_-.~$})]>*/".contains(letter);
    line.match_indices(&format!("/{folder}/")).any(|(at, _)| !line[..at].ends_with(leads_up))
}

#[test]
fn a_path_of_one_machine_and_a_host_of_a_registry_are_complained_of() {
    let (home, root) = (FOLDERS[0], FOLDERS[1]);
    let (name, end) = REGISTRIES[0];
    let text = format!(
        "cd /{home}/me\nopen(\"/{root}/x\")\n$HOME/{home}/a /tmp/{root}/b\n\
         curl https://registry.{name}.{end}/x\nnpm pack x\n"
    );
    let found = complaints("ci/x", &text).join("\n");
    expect![[r#"
        ci/x:1: a path of one machine, below /home
        ci/x:2: a path of one machine, below /root
        ci/x:4: HOST is known to the registry's client"#]]
    .assert_eq(&found.replace(&format!("{name}.{end}"), "HOST"));
    let (name, end) = REGISTRIES[5];
    assert!(complaints("Cargo.lock", &format!("registry+{name}.{end}")).is_empty());
}
