//! `start` is one request.

use super::Perform;
use crate::program::ops::start::Start;

impl Perform for Start {}
