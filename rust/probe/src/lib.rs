//! One decoder per on-disk format over bytes that were read.
//!
//! [`probe`] reads what [`TABLE`] asks for; the decoders see bytes only. No
//! input makes them panic, and each answers absent, damaged (which rule,
//! where, what was seen) or found.
#![forbid(unsafe_code)]

pub mod btrfs;
mod bytes;
mod decoded;
pub mod ext;
mod probe;
mod read;
mod table;
pub mod xfs;
pub mod xfs_log;

pub use decoded::{Decoded, Found};
pub use probe::probe;
pub use read::{Fault, Metered, ReadAt, read_up_to};
pub use table::{JudgeLog, Kind, Row, TABLE, head_len};
