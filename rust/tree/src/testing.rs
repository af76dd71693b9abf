//! A tree in memory, and logs.

use crate::tree::{Entry, Kind, Refusal, Tree};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Memory {
    nodes: BTreeMap<String, (Kind, Vec<u8>)>,
    any_case: bool,
}

impl Memory {
    fn add(&mut self, path: &str, kind: Kind, bytes: &[u8]) {
        for (at, _) in path.match_indices('/').skip(1) {
            self.nodes
                .entry(path[..at].to_owned())
                .or_insert((Kind::Directory, Vec::new()));
        }
        self.nodes.insert(path.to_owned(), (kind, bytes.to_vec()));
    }

    pub(crate) fn directories(mut self, paths: &[String]) -> Self {
        for path in paths {
            self.add(path, Kind::Directory, b"");
        }
        self
    }

    /// Entries answer to their names in either case.
    pub(crate) fn any_case(mut self) -> Self {
        self.any_case = true;
        self
    }

    pub(crate) fn subvolume(mut self, path: &str) -> Self {
        self.add(path, Kind::Subvolume, b"");
        self
    }

    pub(crate) fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        self.add(path, Kind::File, bytes);
        self
    }
}

impl Tree for Memory {
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Refusal> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        Ok(self
            .nodes
            .iter()
            .filter_map(|(path, (kind, _))| {
                let name = path.strip_prefix(&prefix)?;
                (!name.contains('/')).then(|| Entry {
                    name: name.as_bytes().to_vec(),
                    kind: *kind,
                    any_case: self.any_case,
                })
            })
            .collect())
    }

    fn head(&mut self, path: &str, max: usize) -> Result<Vec<u8>, Refusal> {
        let (_, bytes) = &self.nodes[path];
        Ok(bytes[..bytes.len().min(max)].to_vec())
    }

    fn replays(&self) -> bool {
        false
    }
}

/// An ENC/ASL-LOG/1 log of records (type, sequence number, payload).
pub(crate) fn log(records: &[(u64, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = b"ASLLOG01".to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(24_u32.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    let mut previous = [0; 32];
    for (logseq, record_type, payload) in records {
        let mut record = logseq.to_le_bytes().to_vec();
        record.extend(record_type.to_le_bytes());
        record.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        record.extend(*payload);
        previous = Sha256::new()
            .chain_update(previous)
            .chain_update(&record)
            .finalize()
            .into();
        record.extend(previous);
        bytes.extend(record);
    }
    bytes
}
