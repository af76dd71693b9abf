//! A map and its members together: what can be read.

use crate::map::{AnyMap, Map, Run, Spot};
use crate::node::{Node, View, length};
use crate::plan::{Geometry, Made, Part};
use asl_probe::ReadAt;
use std::io;

/// A view of several nodes.
pub(crate) struct Mapped {
    map: AnyMap,
    /// By number; none for a member that is missing or must not be read.
    members: Vec<Option<Node>>,
}

impl Mapped {
    pub(crate) fn new(map: impl Into<AnyMap>, members: Vec<Option<Node>>) -> Self {
        let map = map.into();
        Self { map, members }
    }

    fn spot(&self, spot: Spot, buf: &mut [u8]) -> io::Result<()> {
        match self.members.get(spot.member) {
            Some(Some(node)) => read_exact(&**node, spot.offset, buf),
            _ => Err(io::Error::other(format!(
                "member {} is missing",
                spot.member
            ))),
        }
    }

    fn fill(&self, run: &Run, buf: &mut [u8]) -> io::Result<()> {
        let mut failed = io::Error::other("nothing maps here");
        for copy in &run.copies {
            match self.spot(*copy, buf) {
                Ok(()) => return Ok(()),
                Err(error) => failed = error,
            }
        }
        if run.parity.is_empty() {
            return Err(failed);
        }
        buf.fill(0);
        let mut part = vec![0; buf.len()];
        for spot in &run.parity {
            self.spot(*spot, &mut part)?;
            for (sum, byte) in buf.iter_mut().zip(&part) {
                *sum ^= byte;
            }
        }
        Ok(())
    }
}

impl ReadAt for Mapped {
    /// As many bytes as there are up to the end: the readers take fewer for
    /// the end of the device.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let run_at = |at| {
            let run = self.map.run(at).filter(|run| run.len > 0);
            let run = run.ok_or_else(|| io::Error::other(format!("nothing maps byte {at}")))?;
            Ok((run.len, run))
        };
        in_runs(self.map.size(), offset, buf, run_at, |run, _, buf| {
            self.fill(&run, buf)
        })
    }

    fn size(&self) -> u64 {
        self.map.size()
    }
}

impl View for Mapped {
    fn made(&self, number: &mut dyn FnMut(&Node) -> usize) -> Made<'_> {
        let members = self.members.iter();
        Made::View(Part::Mapped {
            members: members
                .map(|node| node.as_ref().map(&mut *number))
                .collect(),
            map: Geometry(self.map.clone()),
        })
    }
}

/// Fills `buf` from `offset` on, run by run, up to the end of `size` bytes.
/// `run_at` says how many bytes are together at an offset, none to end there,
/// and what they are; `fill` reads them.
pub(crate) fn in_runs<R>(
    size: u64,
    offset: u64,
    buf: &mut [u8],
    run_at: impl Fn(u64) -> io::Result<(u64, R)>,
    fill: impl Fn(R, u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<usize> {
    let mut done = 0_usize;
    while done < buf.len() {
        let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        if at >= size {
            break;
        }
        let (together, run) = run_at(at)?;
        let rest = buf.get_mut(done..).unwrap_or_default();
        let len = together.min(size.saturating_sub(at));
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
        if len == 0 {
            break;
        }
        match fill(run, at, rest.get_mut(..len).unwrap_or_default()) {
            Ok(()) => done = done.saturating_add(len),
            // What was read is sound; the next read meets the error.
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Fills `buf` or fails.
pub(crate) fn read_exact(node: &dyn ReadAt, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let mut done = 0_usize;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        match node.read_at(at, rest) {
            Ok(0) => {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("the member ends {} bytes early", length(rest)),
                ));
            }
            Ok(count) => done = done.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
