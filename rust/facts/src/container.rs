//! Devices whose content shows only through a mapping: locked, or guarded by
//! checksums.

use serde::{Deserialize, Serialize};

/// LUKS, BitLocker, dm-integrity or dm-verity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Container {
    /// A key is needed to see the content.
    pub locked: bool,
    /// Cipher and mode (`aes-xts-plain64`) or hash algorithm.
    pub algorithm: Option<String>,
    /// Key, bits.
    pub key_bits: Option<u32>,
    /// What opens it.
    pub keyslots: Vec<Keyslot>,
    /// Tokens by kind: `systemd-tpm2`, ...
    pub tokens: Vec<String>,
    /// Second label of LUKS2.
    pub subsystem: Option<crate::Text>,
    /// First byte of the payload; none where it is elsewhere or not known.
    pub data_offset: Option<u64>,
    /// Payload, bytes; none where it goes to the end of the device.
    pub data_size: Option<u64>,
    /// Sector of the payload, bytes.
    pub sector_size: Option<u32>,
    /// Writes of the header, where the format counts them.
    pub generation: u64,
    /// An operation that activation would resume: `online-reencrypt`,
    /// `recalculating`, ...
    pub under_way: Option<String>,
    /// Nothing guards it at the moment (a BitLocker clear key).
    pub suspended: bool,
}

/// A way to the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Keyslot {
    /// Its number or id.
    pub id: String,
    /// `luks2`, `reencrypt`, `password`, `tpm`, `recovery`, ...
    pub kind: String,
    /// How a key is made from a password: `argon2id`, `pbkdf2`, ...
    pub kdf: Option<String>,
}
