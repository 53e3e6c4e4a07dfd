//! `configure`: config.toml changes under the running server.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;

use crate::policy::Defaults;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::{bytes, values};
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, Operation};
use crate::program::simplify;
use crate::program::values::{Config, defaults};

/// A change of the defaults in config.toml.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Configure {
    pub defaults: Defaults,
}

impl Operation for Configure {
    const VERB: &'static str = "configure";
    const HELP: &'static [(&'static str, &'static str)] =
        &[("configure …", "config.toml changes under the running server")];

    fn parse(line: &mut Line) -> Result<Configure, Problem> {
        Ok(Configure { defaults: defaults(line)? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Config(&self.defaults))
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Configure> {
        Ok(Configure { defaults: bytes::defaults(bytes)? })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Configure>> {
        let configure = values::defaults(&cx.shape).prop_map(|defaults| Configure { defaults });
        Draw::new(2 * cx.shape.configures + 1, configure.boxed())
    }

    fn simpler(&self) -> Vec<Configure> {
        let simpler = simplify::defaults(&self.defaults).into_iter();
        simpler.map(|defaults| Configure { defaults }).collect()
    }
}
