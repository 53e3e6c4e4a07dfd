//! What the contract allows each operation: one file each, as `program::ops` lists them.

crate::program::ops::operation_files!();
