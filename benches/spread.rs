//! The median of a figure, and its bounds.

use std::fmt;

pub(crate) struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// None of no figures.
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = figures.collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        Some(Spread { median: sorted[sorted.len() / 2], least, most })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.1} ({:.1} to {:.1})", self.median, self.least, self.most)
    }
}
