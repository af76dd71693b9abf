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
/// Offset of the list of bad pages.
const BAD_PAGES: u32 = 1536;
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
    let (page_size, sign) = letters(bytes);
    let header = Header::read(bytes, page_size);
    if sign == SPACES[0] {
        header.check(&rules)?;
    }
    // The first form has a map of bad pages in place of a header, and what
    // sleeps in a swap space counts whatever became of its header.
    let header = (sign != SPACES[1] && header.check(&rules).is_ok()).then_some(header);
    let size = header.as_ref().map_or(0, Header::size);
    let hibernated = (!SPACES.contains(&sign)).then(|| name(sign));
    let asleep = hibernated.is_some();
    let swap = Swap {
        page_size,
        hibernated,
    };
    let mut found = Found::new(Format::Swap, size, Content::Swap(swap));
    if asleep {
        // On a device cut short it is lost, and told all the same.
        found.claims = 0;
    }
    if header.is_some() {
        found.superblock.uuid =
            Some(uuid(bytes, 1036)).filter(|_| field(bytes, 1036, 16) != [0; 16]);
        found.superblock.label = Text::from_field(field(bytes, 1052, 16));
    }
    found.superblock.version = Some(match sign {
        b"SWAPSPACE2" => "1".to_owned(),
        b"SWAP-SPACE" => "0".to_owned(),
        sign => name(sign).to_ascii_lowercase(),
    });
    Ok(found)
}

/// `union swap_header`, from byte 1024.
struct Header {
    page_size: u32,
    version: u32,
    last_page: u32,
    nr_badpages: u32,
}

impl Header {
    fn read(bytes: &[u8], page_size: u32) -> Self {
        let read: fn(&[u8], usize) -> u32 = if be32(bytes, 1024) == 1 { be32 } else { le32 };
        Self {
            page_size,
            version: read(bytes, 1024),
            last_page: read(bytes, 1028),
            nr_badpages: read(bytes, 1032),
        }
    }

    fn check(&self, rules: &Rules) -> Result<(), Refused> {
        let seen = format!("{:#x}", self.version);
        rules.check(self.version == 1, "version", 1024, seen, "0x1")?;
        let last_page = self.last_page;
        rules.check(last_page != 0, "last-page", 1028, last_page, "more than 0")?;
        // They are listed between the header and the letters.
        let room = self.page_size.saturating_sub(BAD_PAGES + 10) / 4;
        rules.check(
            self.nr_badpages <= room,
            "bad-pages",
            1032,
            self.nr_badpages,
            format!("at most {room}"),
        )
    }

    fn size(&self) -> u64 {
        u64::from(self.last_page)
            .saturating_add(1)
            .saturating_mul(u64::from(self.page_size))
    }
}

/// Page size and letters. TuxOnIce leaves those of the swap space as they
/// are, so its own are looked for first, as libblkid does: taken for free
/// space, a sleeping system is lost.
fn letters(bytes: &[u8]) -> (u32, &'static [u8]) {
    let (page_size, sign) = signed_page(bytes).unwrap_or((PAGES[0], TUXONICE));
    if bytes.starts_with(TUXONICE) {
        (page_size, TUXONICE)
    } else {
        (page_size, sign)
    }
}

/// Page size and letters of the first that match.
fn signed_page(bytes: &[u8]) -> Option<(u32, &'static [u8])> {
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
