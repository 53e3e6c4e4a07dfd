//! Folders: which of them count as the workspace of a thread (WR2).
//!
//! A sandbox that writes into the workspace writes into the thread's roots, which are its own folder
//! unless other ones were given, and into the roots that the sandbox itself names. A folder stands
//! for all that lies below it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Defaults, Dimension, Permissions, Policy, Sandbox};

/// The word of the thread's own folder among its roots. It follows the thread into another folder.
pub const OWN: &str = "CWD";

/// The word of an empty list of roots.
pub const NO_ROOTS: &str = "none";

/// The folder of a thread of which no folder is known.
const WORKSPACE: &str = "WS";

/// The folder of the run, in which the others lie.
const RUN: &str = "RUN";

/// The folders of a run; where another path lies is not known.
const PLACES: [&str; 3] = [WORKSPACE, "HOME", "OUT"];

/// One word for a list of roots, with the thread's own folder by its own word.
pub fn word<'a>(roots: impl IntoIterator<Item = &'a str>, folder: Option<&str>) -> String {
    let named = |root: &'a str| if Some(root) == folder { OWN } else { root };
    let roots: BTreeSet<&str> = roots.into_iter().map(named).collect();
    let words: Vec<&str> = roots.into_iter().collect();
    if words.is_empty() { NO_ROOTS.to_owned() } else { words.join("+") }
}

/// Stated roots as a request names them: the own folder of a thread is the workspace in most.
pub(super) fn in_request(stated: &str) -> String {
    word(listed(stated).map(|root| if root == OWN { WORKSPACE } else { root }), None)
}

/// Whether a word names a folder: one of a run, one below it, or an absolute path.
pub fn is_folder(word: &str) -> bool {
    let top = word.split('/').next();
    word.starts_with('/') || top.is_some_and(|top| PLACES.contains(&top) || top == RUN)
}

/// The roots in a word.
pub fn listed(word: &str) -> impl Iterator<Item = &str> {
    word.split('+').filter(|root| *root != NO_ROOTS)
}

/// Names the thread's own folder by its own word, where it stands among the roots.
pub(super) fn settle(others: &mut BTreeMap<Dimension, String>) {
    let folder = others.get(&Dimension::CWD).cloned();
    if let Some(roots) = others.get_mut(&Dimension::WR) {
        *roots = word(listed(roots), folder.as_deref());
    }
}

impl Defaults {
    /// The roots of a thread in this folder whose server counts config's `writable_roots` among them.
    pub fn roots_in(&self, folder: &str) -> String {
        let roots = self.roots.iter().map(String::as_str);
        word(std::iter::once(folder).chain(roots), Some(folder))
    }
}

impl Policy {
    /// The folder that the thread works in; the workspace where it is not known.
    pub fn folder(&self) -> &str {
        self.others.get(&Dimension::CWD).map_or(WORKSPACE, String::as_str)
    }

    /// Whether the thread works in this folder, or below it.
    pub fn works_in(&self, folder: &str) -> bool {
        lies_in(self.folder(), folder)
    }

    /// The thread's roots; its own folder where nothing else is known.
    fn roots(&self) -> impl Iterator<Item = &str> {
        listed(self.others.get(&Dimension::WR).map_or(OWN, String::as_str))
    }

    /// Whether its own folder is a root, and the only one.
    pub(crate) fn has_plain_roots(&self) -> bool {
        self.others.get(&Dimension::WR).is_none_or(|roots| roots == OWN)
    }

    /// Whether the thread works in the workspace of the run, and writes into no other folder by its
    /// roots.
    pub fn is_in_workspace(&self) -> bool {
        self.folder() == WORKSPACE && self.has_plain_roots()
    }

    /// Whether its own folder is a root.
    pub(super) fn owns_folder(&self) -> bool {
        self.roots().any(|root| root == OWN)
    }

    /// Whether the workspace has a folder besides the thread's own.
    pub(super) fn has_further_roots(&self) -> bool {
        self.roots().any(|root| root != OWN) || !self.sandbox_roots().is_empty()
    }

    fn sandbox_roots(&self) -> Vec<&str> {
        match &self.permissions {
            Permissions::Legacy(Sandbox::WorkspaceWrite { roots, .. }) => {
                roots.iter().map(String::as_str).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a place lies in the thread's workspace; none where that is not known, as where config
    /// has roots, or where the contract does not say: of the thread's own folder without it among the
    /// roots.
    pub fn workspace_has(&self, place: &str) -> Option<bool> {
        let own = |root| if root == OWN { self.folder() } else { root };
        let folders: Vec<&str> = self.roots().map(own).chain(self.sandbox_roots()).collect();
        if folders.iter().any(|folder| lies_in(place, folder)) {
            return Some(true);
        }
        let known = folders.iter().all(|folder| PLACES.iter().any(|at| lies_in(folder, at)));
        let known = known && self.others.contains_key(&Dimension::WR);
        (known && !lies_in(place, self.folder())).then_some(false)
    }
}

/// Whether a path is a folder, or lies below it.
fn lies_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::policy::{Defaults, Dimension, Permissions, Policy};

    /// Whether WS and OUT lie in the workspace of a thread in this folder, with these roots of its
    /// own and of its sandbox.
    fn check(folder: &str, roots: &str, sandbox: &str, expected: Expect) {
        let mut policy: Policy = Defaults::default().policy();
        policy.permissions = Permissions::Legacy(sandbox.parse().expect("it is a sandbox"));
        policy.others.insert(Dimension::CWD, folder.to_owned());
        policy.others.insert(Dimension::WR, roots.to_owned());
        super::settle(&mut policy.others);
        let of = |place| match policy.workspace_has(place) {
            Some(true) => "inside",
            Some(false) => "outside",
            None => "open",
        };
        let roots = &policy.others[&Dimension::WR];
        expected.assert_eq(&format!("{roots}: WS {}, OUT {}", of("WS"), of("OUT")));
    }

    #[test]
    fn a_thread_writes_into_its_own_folder_and_not_into_the_one_before() {
        check("WS", "CWD", "workspace-write", expect!["CWD: WS inside, OUT outside"]);
        check("OUT", "CWD", "workspace-write", expect!["CWD: WS outside, OUT inside"]);
        check("WS/sub", "CWD", "workspace-write", expect!["CWD: WS outside, OUT outside"]);
    }

    #[test]
    fn a_root_is_inside_wherever_the_thread_works() {
        check("OUT", "WS+OUT", "workspace-write", expect!["CWD+WS: WS inside, OUT inside"]);
        check("WS", "WS", "workspace-write+root:OUT", expect!["CWD: WS inside, OUT inside"]);
    }

    #[test]
    fn its_own_folder_is_open_where_it_is_not_a_root() {
        check("WS", "OUT", "workspace-write", expect!["OUT: WS open, OUT inside"]);
        check("WS", "none", "workspace-write", expect!["none: WS open, OUT outside"]);
    }

    #[test]
    fn a_path_elsewhere_may_hold_any_place() {
        check("/", "CWD", "workspace-write", expect!["CWD: WS open, OUT open"]);
    }
}
