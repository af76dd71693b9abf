//! `$LogFile`: whether it must be replayed, judged as ntfs-3g does.
//!
//! It opens with two restart pages, the second a system page behind the
//! first; the newer one counts. Of a log that clients have open, only the
//! clean bit says that the volume was unmounted. ntfs-3g and mkntfs leave a
//! log of 0xff, which is empty and so clean.

use super::records::{Record, joined};
use super::{DATA, Volume};
use crate::bytes::{field, le16, le32, le64};
use crate::decoded::Rules;
use crate::read::{Fault, ReadAt, read_if_readable};
use asl_facts::{Damage, Format, LogState};

/// Two restart pages of the usual size.
const LEN: usize = 2 * PAGE;
const PAGE: usize = 4096;
/// No log client.
const NO_CLIENT: u16 = 0xffff;
const VOLUME_IS_CLEAN: u16 = 0x2;

/// What the log of the record says.
pub(super) fn state(
    dev: &dyn ReadAt,
    volume: &Volume,
    record: &Record,
    damages: &mut Vec<Damage>,
) -> Result<LogState, Fault> {
    let runs = record.attribute(DATA, false).and_then(|data| data.runs());
    // The pages lie together but for tiny clusters.
    let place = runs.and_then(|runs| {
        [LEN, PAGE]
            .into_iter()
            .find_map(|len| Some((runs.place(0, len, volume.cluster)?, len)))
    });
    let Some((at, len)) = place else {
        return Ok(LogState::Unknown);
    };
    let Some(bytes) = read_if_readable(dev, at, len)? else {
        let rules = Rules {
            format: Format::Ntfs,
            at,
        };
        damages.push(rules.damage("log", 0, "a read that failed", "restart pages"));
        return Ok(LogState::Unknown);
    };
    Ok(judge(&bytes, at))
}

fn judge(bytes: &[u8], at: u64) -> LogState {
    if bytes.iter().all(|byte| *byte == 0xff) {
        return LogState::Clean;
    }
    let first = restart(bytes, at);
    // The second page lies where the first says, or would if it were sound.
    let page = first.as_ref().map_or(PAGE, |first| first.page);
    let second = bytes
        .get(page..)
        .filter(|rest| !rest.is_empty())
        .and_then(|rest| restart(rest, at));
    let newest = first.into_iter().chain(second).max_by_key(|page| page.lsn);
    match newest {
        Some(page) if page.clean => LogState::Clean,
        Some(_) => LogState::NeedsReplay { live_bytes: None },
        None => LogState::Unknown,
    }
}

struct Restart {
    page: usize,
    lsn: u64,
    clean: bool,
}

/// A sound restart page.
fn restart(bytes: &[u8], at: u64) -> Option<Restart> {
    let system_page_size = usize::try_from(le32(bytes, 16)).ok()?;
    let sound = system_page_size.is_power_of_two() && (512..=LEN).contains(&system_page_size);
    let page = bytes.get(..system_page_size).filter(|_| sound)?;
    let page = joined(page, system_page_size, at, &[b"RSTR", b"CHKD"]).ok()?;
    let restart_area_offset = usize::from(le16(&page, 24));
    let area = field(&page, restart_area_offset, 48);
    if restart_area_offset < 30 || area.len() < 48 {
        return None;
    }
    let lsn = match field(&page, 0, 4) {
        b"CHKD" => le64(&page, 8),
        _ => le64(area, 0),
    };
    let (client_in_use_list, flags) = (le16(area, 12), le16(area, 14));
    Some(Restart {
        page: system_page_size,
        lsn,
        clean: client_in_use_list == NO_CLIENT || flags & VOLUME_IS_CLEAN != 0,
    })
}
