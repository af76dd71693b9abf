//! Whether an XFS log must be replayed.
//!
//! The log is a ring of 512-byte blocks. The first word of each block is the
//! cycle (pass over the ring) it was written in; a record header keeps its
//! magic there and the cycle in its second word. The head is where the cycle
//! number steps back; the last record before it says where the tail is. A log
//! whose last record is a lone unmount record that ends at the head is clean.
//! Source: Linux `fs/xfs/xfs_log_recover.c` (`xlog_find_head`,
//! `xlog_find_tail`), `fs/xfs/libxfs/xfs_log_format.h`.

use crate::bytes::{be16, be32, be64, field, u8_at};
use crate::read::{Fault, ReadAt, read_up_to};
use asl_facts::LogState;

/// Log basic block: the unit of log addresses.
const BLOCK: u64 = 512;
const HEADER_MAGIC: u32 = 0xfeed_babe;
const VERSION_2: u32 = 2;
/// Record data whose cycle words one header block holds, bytes.
const HEADER_CYCLE_SIZE: u32 = 32 * 1024;
/// `XLOG_MAX_RECORD_BSIZE`: the most data in one record.
const MAX_RECORD: u32 = 256 * 1024;
/// `XLOG_TOTAL_REC_SHIFT`: eight records can be on their way to the disk at
/// once and reach it in any order, so the head is certain only after so much
/// before it was seen. It is also the most that one judgement reads in one
/// piece.
const IN_FLIGHT: u64 = 8 * 256 * 1024;
/// A record and its header blocks: further back no last header can lie.
const MAX_RECORD_BLOCKS: u64 = 256 * 1024 / BLOCK + 8;
/// `XFS_MAX_LOG_BYTES`.
const MAX_LOG: u64 = 2 << 30;
/// Unit of the scattered reads of the search, so that its last steps need
/// none: a disk reads as much in the time of a seek, and a log of 64 MiB takes
/// nine steps in place of fourteen.
const WINDOW: u64 = 128 * 1024;
/// `XFS_SB_VERSION_NUMBITS`.
const VERSION_NUMBER: u16 = 0xf;
/// `NULLCOMMITLSN`.
const NO_LSN: u64 = u64::MAX;
/// Flag of the one operation in an unmount record.
const UNMOUNT_TRANS: u8 = 0x20;

/// Judges the log of the file system with superblock `sb` at offset 0.
///
/// # Errors
/// A read of the log failed.
pub fn state(dev: &dyn ReadAt, sb: &[u8]) -> Result<LogState, Fault> {
    let Some(mut log) = Log::internal(dev, sb) else {
        return Ok(LogState::Unknown);
    };
    let mut head = match log.head()? {
        Search::Head(head) => head,
        Search::Zeroed => return Ok(LogState::Clean),
        Search::NoLog => return Ok(LogState::Unknown),
    };
    if head.unmounted(&mut log)? {
        return Ok(LogState::Clean);
    }
    // Blocks before the head that still bear the old cycle were on their way
    // when the power went: the log ends before the first of them.
    if let Some(hole) = log.hole_before(head)? {
        head.at = hole;
        if head.unmounted(&mut log)? {
            return Ok(LogState::Clean);
        }
    }
    let live_bytes = log
        .last_record(head.at)?
        .map(|record| log.distance(record.tail, head.at).saturating_mul(BLOCK));
    Ok(LogState::NeedsReplay { live_bytes })
}

enum Search {
    Head(Head),
    /// Nothing was ever written, which Linux takes for clean too.
    Zeroed,
    /// The cycles are not one pass apart.
    NoLog,
}

#[derive(Clone, Copy)]
struct Head {
    /// The block that the next write would go to; the ring's length rather
    /// than 0 where all blocks bear one cycle, so that what lies before it is
    /// the end of the ring.
    at: u64,
    /// The cycle of the blocks from the head to the end of the ring.
    old_cycle: u32,
}

impl Head {
    /// The last record is a lone unmount record that ends at the head.
    fn unmounted(self, log: &mut Log<'_>) -> Result<bool, Fault> {
        let Some(record) = log.last_record(self.at)? else {
            return Ok(false);
        };
        if record.next != log.wrap(self.at) || record.operations != 1 {
            return Ok(false);
        }
        let body = log.block(record.body)?;
        // xlog_op_header: the transaction id (whose first word the cycle
        // replaced), the length, the client, the flags.
        Ok(u8_at(&body, 9) & UNMOUNT_TRANS != 0)
    }
}

struct Record {
    /// Block of the first operation.
    body: u64,
    /// Block after the record.
    next: u64,
    tail: u64,
    operations: u32,
}

struct Log<'a> {
    dev: &'a dyn ReadAt,
    /// First byte on the device.
    start: u64,
    /// Blocks in the ring, at least one.
    blocks: u64,
    uuid: Vec<u8>,
    /// `sb_lsn` of version 5: the block that the superblock was last logged
    /// at, which unmounting does shortly before the log ends; 0 before the
    /// first mount. It says where to search first, and nothing where it is
    /// wrong.
    hint: Option<u64>,
    window_at: u64,
    window: Vec<u8>,
}

impl<'a> Log<'a> {
    /// None where the log is on another device or not within this one.
    fn internal(dev: &'a dyn ReadAt, sb: &[u8]) -> Option<Self> {
        let block_size = u64::from(be32(sb, 4));
        let sb_logstart = be64(sb, 48);
        let (sb_agblocks, sb_logblocks) = (u64::from(be32(sb, 84)), u64::from(be32(sb, 96)));
        let sb_agblklog = u32::from(u8_at(sb, 124));
        let group = sb_logstart.checked_shr(sb_agblklog)?;
        let in_group = sb_logstart.checked_sub(group.checked_shl(sb_agblklog)?)?;
        let start = group
            .checked_mul(sb_agblocks)?
            .checked_add(in_group)?
            .checked_mul(block_size)?;
        let bytes = sb_logblocks.checked_mul(block_size)?;
        let end = start.checked_add(bytes)?;
        let version = be16(sb, 100) & VERSION_NUMBER;
        // Cycle, then block.
        let sb_lsn = be64(sb, 240);
        let hint = (version == 5 && sb_lsn != NO_LSN).then_some(sb_lsn & u64::from(u32::MAX));
        (sb_logstart != 0 && (BLOCK..=MAX_LOG).contains(&bytes) && end <= dev.size()).then(|| {
            Self {
                dev,
                start,
                blocks: bytes / BLOCK,
                uuid: field(sb, 32, 16).to_vec(),
                hint,
                window_at: 0,
                window: Vec::new(),
            }
        })
    }

    fn wrap(&self, block: u64) -> u64 {
        block.checked_rem(self.blocks).unwrap_or(0)
    }

    /// Blocks from `from` forward to `to` around the ring.
    fn distance(&self, from: u64, to: u64) -> u64 {
        self.wrap(
            to.saturating_add(self.blocks)
                .saturating_sub(self.wrap(from)),
        )
    }

    fn back(&self, from: u64, count: u64) -> u64 {
        self.wrap(
            from.saturating_add(self.blocks)
                .saturating_sub(count.min(self.blocks)),
        )
    }

    fn block(&mut self, block: u64) -> Result<Vec<u8>, Fault> {
        let at = self.wrap(block).saturating_mul(BLOCK);
        let window_at = at.saturating_sub(at % WINDOW);
        if self.window.is_empty() || window_at != self.window_at {
            let len = self.blocks.saturating_mul(BLOCK).saturating_sub(window_at);
            self.read_window(window_at, len.min(WINDOW))?;
        }
        let within = usize::try_from(at.saturating_sub(self.window_at)).unwrap_or(usize::MAX);
        Ok(field(&self.window, within, 512).to_vec())
    }

    fn read_window(&mut self, at: u64, len: u64) -> Result<(), Fault> {
        let len = usize::try_from(len).unwrap_or(0);
        self.window = read_up_to(self.dev, self.start.saturating_add(at), len)?;
        self.window_at = at;
        Ok(())
    }

    fn cycle(&mut self, block: u64) -> Result<u32, Fault> {
        Ok(cycle_of(&self.block(block)?))
    }

    fn head(&mut self) -> Result<Search, Fault> {
        let last_block = self.blocks.saturating_sub(1);
        let first = self.cycle(0)?;
        if first == 0 {
            return Ok(Search::Zeroed);
        }
        // Alone: of what lies beside it nothing is wanted, and the window at
        // the start is kept, in which a log ends that never came round.
        let last = self.start.saturating_add(last_block.saturating_mul(BLOCK));
        let last = cycle_of(&read_up_to(self.dev, last, 512)?);
        let (at, old_cycle) = if first == last {
            (self.blocks, last.wrapping_sub(1))
        } else if last == 0 || last.wrapping_add(1) == first {
            (self.first_of(last, last_block)?, last)
        } else {
            return Ok(Search::NoLog);
        };
        Ok(Search::Head(Head { at, old_cycle }))
    }

    /// The first block of `cycle`, which `last` has and block 0 has not.
    fn first_of(&mut self, cycle: u32, mut last: u64) -> Result<u64, Fault> {
        let mut first = 0_u64;
        // From where it should be on, further each time, to the ends of the
        // windows: in the one that it is in nothing more is read.
        let mut step = WINDOW / BLOCK;
        let mut next = self.hint.map(|hint| hint.max(1));
        while let Some(at) = next.filter(|next| *next < last) {
            if self.cycle(at)? == cycle {
                last = at;
                break;
            }
            first = at;
            // The last block of this window, then of those behind it.
            let end = at.checked_next_multiple_of(step).unwrap_or(u64::MAX);
            next = Some(match end.saturating_sub(1) {
                end if end > at => end,
                end => {
                    let beyond = end.saturating_add(step);
                    step = step.saturating_mul(2);
                    beyond
                }
            });
        }
        while last.saturating_sub(first) > 1 {
            let middle = first.midpoint(last);
            if self.cycle(middle)? == cycle {
                last = middle;
            } else {
                first = middle;
            }
        }
        Ok(last)
    }

    /// The first block before the head, within what can be in flight, that
    /// bears the cycle of the blocks after the head, or an older one where
    /// the stretch begins in the pass before.
    fn hole_before(&mut self, head: Head) -> Result<Option<u64>, Fault> {
        let count = (IN_FLIGHT / BLOCK).min(self.blocks);
        let before_start = count.saturating_sub(head.at);
        if before_start > 0 {
            let from = self.blocks.saturating_sub(before_start);
            let old = head.old_cycle.wrapping_sub(1);
            if let Some(hole) = self.first_in(from, before_start, old)? {
                return Ok(Some(hole));
            }
        }
        let count = count.saturating_sub(before_start);
        self.first_in(head.at.saturating_sub(count), count, head.old_cycle)
    }

    /// The first of `count` blocks from `from` that bears `cycle`.
    fn first_in(&mut self, from: u64, count: u64, cycle: u32) -> Result<Option<u64>, Fault> {
        self.read_window(from.saturating_mul(BLOCK), count.saturating_mul(BLOCK))?;
        let hole = self
            .window
            .chunks(512)
            .position(|block| cycle_of(block) == cycle)
            .and_then(|index| from.checked_add(u64::try_from(index).ok()?));
        self.window.clear();
        Ok(hole)
    }

    /// The last record whose header lies before `head`.
    fn last_record(&mut self, head: u64) -> Result<Option<Record>, Fault> {
        let mut back = 0_u64;
        while back < MAX_RECORD_BLOCKS.min(self.blocks) {
            back = back.saturating_add(1);
            let at = self.back(head, back);
            let header = self.block(at)?;
            if be32(&header, 0) == HEADER_MAGIC {
                return Ok(self.record(at, &header));
            }
        }
        Ok(None)
    }

    fn record(&self, at: u64, header: &[u8]) -> Option<Record> {
        let (h_version, h_len, h_size) = (be32(header, 8), be32(header, 12), be32(header, 320));
        if h_len > MAX_RECORD || h_size > MAX_RECORD || field(header, 304, 16) != self.uuid {
            return None;
        }
        let headers = if h_version & VERSION_2 != 0 && h_size > HEADER_CYCLE_SIZE {
            u64::from(h_size.div_ceil(HEADER_CYCLE_SIZE))
        } else {
            1
        };
        let body = at.saturating_add(headers);
        let next = body.saturating_add(u64::from(h_len).div_ceil(BLOCK));
        Some(Record {
            body: self.wrap(body),
            next: self.wrap(next),
            // h_tail_lsn: cycle, then block.
            tail: self.wrap(u64::from(be32(header, 28))),
            operations: be32(header, 40),
        })
    }
}

fn cycle_of(block: &[u8]) -> u32 {
    match be32(block, 0) {
        HEADER_MAGIC => be32(block, 4),
        cycle => cycle,
    }
}
