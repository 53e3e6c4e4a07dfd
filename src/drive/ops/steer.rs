//! `steer` is one request.

use super::Perform;
use crate::program::ops::steer::Steer;

impl Perform for Steer {}
