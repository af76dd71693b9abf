//! One decoder per on-disk format over bytes that were read.
//!
//! [`probe`] reads what [`TABLE`] asks for; the decoders see bytes only. No
//! input makes them panic, and each answers absent, damaged (which rule,
//! where, what was seen) or found.
#![forbid(unsafe_code)]

mod buffer;
mod bytes;
mod clusters;
mod decoded;
mod disk;
mod format;
mod probe;
mod read;
mod row;
mod table;
mod trace;

pub use clusters::{Clusters, Root, clusters};
pub use decoded::{Decoded, Found, Refused};
pub use disk::{Disk, HEAD, TAIL};
pub use format::xfs_log;
pub use probe::{Probed, probe};
pub use read::{Fault, Meter, Metered, ReadAt, read_up_to};
pub use row::{Complete, Decode, Kind, Place, Row};
pub use table::{TABLE, rows};
pub use trace::{At, Explanation, Magic, Purpose, Sought, Step, Verdict, explain};
