//! Swap space, and the image of a sleeping system in it.
//!
//! Place: ten letters at the end of the first page, whatever its size; the
//! header at 1024. Byte order of the machine that made it. No checksum.
//! Source: Linux `include/linux/swap.h` (`union swap_header`),
//! `kernel/power/swap.c` (which puts its own letters in place of those of
//! the swap space and leaves the header), TuxOnIce's header.

use crate::bytes::{be32, field, le32, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Format, Swap, Text};

/// Largest page.
const LEN: usize = 65536;
const PAGES: [u32; 5] = [4096, 8192, 16384, 32768, 65536];
const TUXONICE: &[u8] = &[0xed, 0xc3, 0x02, 0xe9, 0x98, 0x56, 0xe5, 0x0c];
const SPACES: [&[u8]; 2] = [b"SWAPSPACE2", b"SWAP-SPACE"];
const SLEEPERS: [&[u8]; 4] = [
    b"S1SUSPEND\0",
    b"S2SUSPEND\0",
    b"ULSUSPEND\0",
    b"LINHIB0001",
];

macro_rules! letters {
    ($($end:literal)+) => {
        &[
            $(
                ($end - 10, b"SWAPSPACE2"),
                ($end - 10, b"SWAP-SPACE"),
                ($end - 10, b"S1SUSPEND\0"),
                ($end - 10, b"S2SUSPEND\0"),
                ($end - 10, b"ULSUSPEND\0"),
                ($end - 10, b"LINHIB0001"),
            )+
            (0, TUXONICE),
        ]
    };
}

pub(crate) const ROWS: &[Row] = &[Row {
    name: "swap",
    kind: Kind::Swap,
    minimum: 10 * 4096,
    places: &[Place::Start(0)],
    len: LEN,
    magics: letters!(4096 8192 16384 32768 65536),
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Swap,
        at,
    };
    let (page_size, sign) = letters(bytes).unwrap_or((4096, TUXONICE));
    let asleep = !SPACES.contains(&sign);
    // The first form has a map of bad pages in place of a header.
    let (mut size, mut id, mut label) = (0, None, None);
    if sign != SPACES[1] && sign != TUXONICE {
        let read: fn(&[u8], usize) -> u32 = if le32(bytes, 1024) == 1 { le32 } else { be32 };
        let version = read(bytes, 1024);
        rules.check(version == 1, "version", 1024, le32(bytes, 1024), 1)?;
        let last_page = read(bytes, 1028);
        rules.check(last_page != 0, "last-page", 1028, last_page, "more than 0")?;
        let nr_badpages = read(bytes, 1032);
        let room = page_size.saturating_sub(1536 + 10) / 4;
        rules.check(
            nr_badpages <= room,
            "bad-pages",
            1032,
            nr_badpages,
            format!("at most {room}"),
        )?;
        size = u64::from(last_page)
            .saturating_add(1)
            .saturating_mul(u64::from(page_size));
        id = Some(uuid(bytes, 1036)).filter(|_| field(bytes, 1036, 16) != [0; 16]);
        label = Text::from_field(field(bytes, 1052, 16));
    }
    let swap = Swap {
        page_size,
        hibernated: asleep.then(|| name(sign)),
    };
    let mut found = Found::new(Format::Swap, size, Content::Swap(swap));
    found.superblock.uuid = id;
    found.superblock.label = label;
    found.superblock.version = Some(match sign {
        b"SWAPSPACE2" => "1".to_owned(),
        b"SWAP-SPACE" => "0".to_owned(),
        sign => name(sign).to_ascii_lowercase(),
    });
    Ok(found)
}

/// Page size and letters of the first that match.
fn letters(bytes: &[u8]) -> Option<(u32, &'static [u8])> {
    PAGES.iter().find_map(|page| {
        let at = usize::try_from(page.checked_sub(10)?).ok()?;
        let there = field(bytes, at, 10);
        let sign = SPACES
            .iter()
            .chain(&SLEEPERS)
            .find(|sign| **sign == there)?;
        Some((*page, *sign))
    })
}

fn name(sign: &[u8]) -> String {
    if sign == TUXONICE {
        return "tuxonice".to_owned();
    }
    String::from_utf8_lossy(sign)
        .trim_end_matches('\0')
        .to_owned()
}
