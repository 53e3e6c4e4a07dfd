//! The word for one server: a version, `latest`, or a path.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use semver::Version;

use crate::provision::{Error, PINNED, Spec};

impl FromStr for Spec {
    type Err = Error;

    /// A version may be written as a tag (`v0.169.0`). A word without a slash is a path only if
    /// such a file exists; a path with a slash is not looked at yet.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        match Version::parse(text.strip_prefix('v').unwrap_or(text)) {
            Ok(version) => Ok(Self::Version(version)),
            Err(_) if text.contains('/') || Path::new(text).exists() => Ok(Self::Path(text.into())),
            Err(_) => Err(Error::NoSpec { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(f),
            Self::Latest => f.write_str("latest"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self::Version(Version::parse(PINNED).expect("the pinned release is a version"))
    }
}

#[cfg(test)]
mod tests {
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
            `0.169` does not name a server: it is not a version, `latest` or a file;
            give a release such as 0.169.0, or a path
        "#]]
        .assert_eq(&lines.concat());
    }
}
