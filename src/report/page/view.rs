//! All that a page is made from.

use super::stage::Stage;
use crate::report::results::Results;

/// Results, and how far the campaign is.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) results: Results<'a>,
    pub(super) stage: &'a Stage,
    /// Whether files lie beside the page, to which it leads.
    pub(super) has_files: bool,
}
