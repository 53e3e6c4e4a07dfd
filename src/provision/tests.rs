//! What a spec may say.
//!
//! A word is a release, `latest` or a path; what it is decides nothing about whether it can be had.

use expect_test::expect;

use crate::provision::Spec;

#[test]
fn a_spec_is_a_version_or_latest_or_a_path() {
    let pinned = Spec::default().to_string();
    let texts = [&pinned, "0.131.0-alpha.8", "latest", "./0.169.0", "Cargo.toml", "0.169"];
    let lines = texts.map(|text| match text.parse::<Spec>() {
        Ok(Spec::Version(version)) => format!("version {version}\n"),
        Ok(Spec::Latest) => "latest\n".to_owned(),
        Ok(Spec::Path(path)) => format!("path {}\n", path.display()),
        Err(error) => format!("{error}\n").replace("; ", ";\n"),
    });
    expect![[r#"
        version 0.169.0
        version 0.131.0-alpha.8
        latest
        path ./0.169.0
        path Cargo.toml
        cannot tell a server from `0.169`: neither a version, `latest`, nor a file;
        give a release such as 0.169.0, or a path
    "#]]
    .assert_eq(&lines.concat());
}
