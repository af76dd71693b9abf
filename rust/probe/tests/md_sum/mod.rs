//! For superblocks of md that tests write.

/// With the checksum of 1.x made good.
pub(crate) fn summed(mut sb: Vec<u8>) -> Vec<u8> {
    sb[216..220].fill(0);
    let roles = usize::try_from(u32::from_le_bytes(sb[220..224].try_into().unwrap())).unwrap();
    let end = (256 + roles * 2).min(4096);
    let sum: u64 = sb[..end]
        .chunks(4)
        .map(|word| {
            let mut whole = [0; 4];
            whole[..word.len()].copy_from_slice(word);
            u64::from(u32::from_le_bytes(whole))
        })
        .sum();
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    sb[216..220].copy_from_slice(&sum.to_le_bytes()[..4]);
    sb
}
