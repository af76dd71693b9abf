//! The label of a mirror's member that is not here, for a reader that wants
//! every member of a mirror: the halves differ in nothing but the id in their
//! labels, so one that is here is read in its place as well.

use sha2::{Digest, Sha256};

/// Where in a label its list is; its first bytes on the device too.
pub(crate) const LIST_AT: u64 = 16 * 1024;
/// `vdev_phys_t`.
pub(crate) const LIST: usize = 112 * 1024;
/// `zio_eck_t` ends with a checksum behind this number.
const ECK_MAGIC: u64 = 0x0210_da7a_b10c_7a11;
/// A pair of the list in XDR: length and text of its name, its type
/// (`DATA_TYPE_UINT64`) and how many. A device's own id is the first of that
/// name with its number; those of the tree come behind it.
const GUID: &[u8] = b"\0\0\0\x04guid\0\0\0\x08\0\0\0\x01";

/// The list of a label that says `other` where it said `own`.
pub(crate) fn label(mut list: Vec<u8>, own: u64, other: u64) -> Option<Vec<u8>> {
    let pair = [GUID, &own.to_be_bytes()].concat();
    let at = list.windows(pair.len()).position(|bytes| bytes == pair)?;
    let value = list.get_mut(at.checked_add(GUID.len())?..)?;
    value
        .first_chunk_mut::<8>()?
        .copy_from_slice(&other.to_be_bytes());

    let (body, checksum) = list.split_last_chunk_mut::<32>()?;
    // By the magic one sees whose byte order the checksum has.
    let little = *body.last_chunk::<8>()? == ECK_MAGIC.to_le_bytes();
    let verifier = match little {
        true => LIST_AT.to_le_bytes(),
        false => LIST_AT.to_be_bytes(),
    };
    let digest = Sha256::new_with_prefix(&*body)
        .chain_update(verifier)
        .chain_update([0; 24])
        .finalize();
    for (word, computed) in checksum.chunks_exact_mut(8).zip(digest.chunks_exact(8)) {
        word.copy_from_slice(computed);
        if little {
            word.reverse();
        }
    }
    Some(list)
}
