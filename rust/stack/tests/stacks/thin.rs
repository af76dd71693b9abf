//! Thin volumes: groups by LVM, metadata of the pool by `thin_restore`.

use crate::content;
use crate::images::{done, filesystem, only_store, refusal, see_images, tree_with_store};
use crate::lvm_live::{kinds, view};
use asl_stack::Refusal;
use std::fmt::Write;
use std::fs;

const CHUNK: usize = 64 << 10;

/// Metadata in which each volume is a number and pairs of its chunk and that
/// of the data.
fn metadata(transaction: u32, volumes: &[(u32, Vec<(usize, usize)>)], len: usize) -> Vec<u8> {
    let mut xml = format!(
        "<superblock uuid=\"\" time=\"1\" transaction=\"{transaction}\" version=\"2\" \
         data_block_size=\"128\" nr_data_blocks=\"4096\">\n"
    );
    for (device, chunks) in volumes {
        let mapped = chunks.len();
        writeln!(
            xml,
            "<device dev_id=\"{device}\" mapped_blocks=\"{mapped}\" transaction=\"0\" \
             creation_time=\"0\" snap_time=\"0\">"
        )
        .unwrap();
        for (chunk, place) in chunks {
            writeln!(
                xml,
                "<single_mapping origin_block=\"{chunk}\" data_block=\"{place}\" time=\"1\"/>"
            )
            .unwrap();
        }
        xml.push_str("</device>\n");
    }
    xml.push_str("</superblock>\n");
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (from, to) = (path("xml"), path("metadata"));
    fs::write(&from, xml).unwrap();
    fs::write(&to, vec![0; len]).unwrap();
    done(&["thin_restore", "-q", "-i", &from, "-o", &to], "");
    fs::read(to).unwrap()
}

/// The chunks of `content` that are not empty, in the pool's data from the
/// last to the first, and where each is.
fn spread(content: &[u8], room: usize) -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut data = vec![0; room];
    let mut places = Vec::new();
    let mut next = room / CHUNK;
    for (number, chunk) in content.chunks(CHUNK).enumerate() {
        if chunk.iter().any(|byte| *byte != 0) {
            next -= 1;
            data[next * CHUNK..][..chunk.len()].copy_from_slice(chunk);
            places.push((number, next));
        }
    }
    (data, places)
}

/// A store in a volume that promises ten times what its pool has.
#[test]
#[ignore = "needs root and loop devices"]
fn a_store_in_a_thin_volume() {
    let loops = kinds();
    let inside = filesystem("ext4", 10, tree_with_store().path());
    let (data, places) = spread(&inside, 16 * CHUNK);
    loops.write_extents("kinds/pool_tdata", &data, CHUNK);
    let meta = metadata(2, &[(1, places)], 4 << 20);
    loops.write_extents("kinds/pool_tmeta", &meta, CHUNK);
    let seen = see_images(loops.images());
    assert_eq!(only_store(&seen)[0], "kinds/thin");
    assert_eq!(refusal(&seen, "kinds/pool"), "thin-pool is not read here");
}

/// Enough chunks that the trees have inner nodes, and a snapshot that shares
/// some of them.
#[test]
#[ignore = "needs root and loop devices"]
fn chunks_are_where_the_trees_say() {
    let loops = kinds();
    let whole = content(160 * CHUNK);
    let (data, _) = spread(&whole[..16 * CHUNK], 16 * CHUNK);
    loops.write_extents("kinds/pool_tdata", &data, CHUNK);
    let mut expected = vec![0; 160 * CHUNK];
    let mut volume = Vec::new();
    for (chunk, place) in (0..16).map(|place| (place * 10 + 3, (place * 7) % 16)) {
        volume.push((chunk, place));
        expected[chunk * CHUNK..][..CHUNK].copy_from_slice(&data[place * CHUNK..][..CHUNK]);
    }
    let mut snapshot = volume.clone();
    snapshot.retain(|(chunk, _)| *chunk != 3);
    // So that its number is not the only one on its way down.
    let mut volumes = vec![(1, volume), (2, snapshot), (3, vec![(1, 4)])];
    volumes.extend((4..400).map(|device| (device, vec![(7, 7)])));
    let meta = metadata(2, &volumes, 4 << 20);
    loops.write_extents("kinds/pool_tmeta", &meta, CHUNK);
    let read = |name: &str| view(&loops.images(), name);
    assert!(read("kinds/thin").unwrap() == expected);
    expected[3 * CHUNK..][..CHUNK].fill(0);
    assert!(read("kinds/thinsnap").unwrap() == expected);
    // Where nothing is mapped the other volume shows.
    let image = content(16 * CHUNK);
    loops.write_extents("kinds/image", &image, CHUNK);
    let mut expected = image;
    expected[CHUNK..][..CHUNK].copy_from_slice(&data[4 * CHUNK..][..CHUNK]);
    assert!(read("kinds/thinext").unwrap() == expected);
}

/// A wrong byte anywhere in the metadata is an error or changes nothing.
#[test]
#[ignore = "needs root and loop devices"]
fn damaged_metadata_show_nothing_else() {
    let loops = kinds();
    let refused = || Refusal::Closed("kinds/thin".to_owned());
    let mapped: Vec<_> = (0..16).map(|chunk| (chunk, 15 - chunk)).collect();
    let sound = metadata(2, &[(1, mapped.clone())], 4 << 20);
    loops.write_extents("kinds/pool_tdata", &content(16 * CHUNK), CHUNK);
    let with = |meta: &[u8]| {
        loops.write_extents("kinds/pool_tmeta", meta, CHUNK);
        view(&loops.images(), "kinds/thin")
    };
    let expected = with(&sound).unwrap();
    // Writing and reading all of the disks each time would take minutes.
    let mut images = loops.images();
    let place = images.iter().enumerate().find_map(|(number, image)| {
        let blocks = image.chunks(4096);
        let at = blocks.into_iter().position(|block| *block == sound[..4096]);
        at.map(|at| (number, at * 4096))
    });
    let (number, start) = place.unwrap();
    let (mut met, mut missed) = (0, 0);
    let used = sound.iter().rposition(|byte| *byte != 0).unwrap();
    for at in (0..used).step_by(509) {
        images[number][start + at] ^= 0x40;
        let read = view(&images, "kinds/thin");
        images[number][start + at] ^= 0x40;
        match read {
            Ok(seen) => {
                assert!(seen == expected, "byte {at}");
                missed += 1;
            }
            Err(refusal) => {
                assert_eq!(refusal, refused());
                met += 1;
            }
        }
    }
    // The superblock and two nodes, of which each byte counts.
    assert!(met >= 3 * 4096 / 509 - 3, "{met} and {missed}");
    // The group was changed after the pool, or the other way round.
    for transaction in [1, 3] {
        let other = metadata(transaction, &[(1, mapped.clone())], 4 << 20);
        assert_eq!(with(&other).unwrap_err(), refused());
    }
    let none = metadata(2, &[(9, mapped)], 4 << 20);
    assert_eq!(with(&none).unwrap_err(), refused());
    // A chunk of data that the pool has not.
    let outside = metadata(2, &[(1, vec![(0, 16)])], 4 << 20);
    assert_eq!(with(&outside).unwrap_err(), refused());
}
