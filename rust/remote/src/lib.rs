//! Remote endpoints: whether they answer in their own protocol.
//!
//! A port that accepts a connection proves nothing: a firewall, a proxy or
//! another service does that too. So each endpoint is asked the smallest
//! question of its protocol that needs no account (`nfs.rs`, `smb.rs`, `ssh.rs`).
//! They are pure: bytes to send, and what an answer means. [`probe`]
//! is all the I/O.

mod ask;
mod nfs;
mod resolve;
mod smb;
mod ssh;

pub use ask::probe;

/// What the bytes that came so far mean. They are an attacker's: no decoder
/// reads past them or waits for more than [`MAX_ANSWER`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Not enough of it yet.
    More,
    /// It speaks the protocol.
    Yes,
    /// It does not, or not as needed.
    No(String),
}

/// Longest answer that is read, bytes: each protocol needs a few hundred, and
/// a server may greet at length before its SSH version.
pub(crate) const MAX_ANSWER: usize = 8192;
