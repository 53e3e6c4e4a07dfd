//! `turn-settings` is one request.

use super::Perform;
use crate::program::ops::turn_settings::TurnSettings;

impl Perform for TurnSettings {}
