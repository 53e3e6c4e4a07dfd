//! `restart`: the server ends and is started again on the same home.

use std::fmt;

use arbitrary::Unstructured;
use proptest::prelude::Strategy;
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;
use semver::Version;
use strum::{Display, EnumIter, EnumString};

use crate::program::generate::bytes;
use crate::program::generate::overrides::DrawContext;
use crate::program::generate::shape::Rare;
use crate::program::line::{Line, Problem};
use crate::program::operation::{Draw, Operation};

/// The word for the server that is checked.
const MAIN: &str = "main";

/// The server ends and is started again on the same home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Restart {
    pub stop: Stop,
    /// Whether the databases are gone when it starts again (G10).
    pub drop_db: bool,
    /// Which server goes on with the home; none: the one that ran last. In the first line of a
    /// program: on which server's home the program begins.
    pub release: Option<Server>,
}

#[derive(
    Clone, Copy, Debug, Display, EnumIter, EnumString, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Stop {
    /// End of its standard input.
    Graceful,
    Kill,
}

/// A server that may run on the home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// The one that is checked, whichever release it is.
    Main,
    Release(Version),
}

impl Restart {
    /// A restart that ends the server in this way and changes nothing else.
    pub fn by(stop: Stop) -> Restart {
        Restart { stop, drop_db: false, release: None }
    }

    /// Ends of either kind, on the same release.
    pub fn strategy(drop_db: bool) -> BoxedStrategy<Restart> {
        let stops = select(vec![Stop::Graceful, Stop::Kill]);
        stops.prop_map(move |stop| Restart { drop_db, ..Restart::by(stop) }).boxed()
    }
}

impl Operation for Restart {
    const VERB: &'static str = "restart";
    const HELP: &'static [(&'static str, &'static str)] = &[
        (
            "restart kill",
            "the server is killed, or ends (`graceful`), and is started again; `drop-db`: without \
             its databases",
        ),
        (
            "restart graceful release=0.144.4",
            "from here on that release runs on the home, `release=main` the one that is checked; \
             as the first line: the home is that release's own",
        ),
    ];

    fn parse(line: &mut Line) -> Result<Restart, Problem> {
        let stop = line.one_of("way to end a server")?;
        let drop_db = line.skip("drop-db");
        Ok(Restart { stop, drop_db, release: release(line)? })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.stop, if self.drop_db { " drop-db" } else { "" })?;
        self.release.iter().try_for_each(|release| write!(f, " release={release}"))
    }

    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Restart> {
        let (stop, drop_db) = (bytes::choose(bytes)?, bytes::rarely(bytes)?);
        Ok(Restart { stop, drop_db, release: None })
    }

    fn draw(cx: &DrawContext) -> Vec<Draw<Restart>> {
        let drops = if cx.shape.has(Rare::KillDuring) { 3 } else { 0 };
        let mut all = Draw::new(cx.shape.restarts, Restart::strategy(false));
        all.extend(Draw::new(drops, Restart::strategy(true)));
        all
    }

    fn simpler(&self) -> Vec<Restart> {
        let all = [
            Restart { release: None, ..self.clone() },
            Restart { stop: Stop::Graceful, ..self.clone() },
            Restart { drop_db: false, ..self.clone() },
        ];
        all.into_iter().filter(|simpler| simpler != self).collect()
    }
}

fn release(line: &mut Line) -> Result<Option<Server>, Problem> {
    let Some(word) = line.value("release") else {
        return Ok(None);
    };
    if word == MAIN {
        return Ok(Some(Server::Main));
    }
    let release = word.parse().map_err(|error| {
        Problem(format!(
            "`release={word}` is not a release: {error}; expected one such as `release=0.144.4`, \
             or `release={MAIN}` for the one that is checked"
        ))
    });
    release.map(|release| Some(Server::Release(release)))
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Server::Main => f.write_str(MAIN),
            Server::Release(release) => release.fmt(f),
        }
    }
}
