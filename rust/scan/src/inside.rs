//! Looks into file systems: by a child where there is a reader, else by the
//! thread itself.

use crate::jail::{Answer, Asked, Failure, MAX_DEVICES, Reader, Request};
use crate::member::Members;
use crate::work::Patience;
use asl_facts::{Content, Format, Look, Outcome, Signature, Superblock};
use asl_probe::Metered;
use asl_stack::{Node, Planner};
use asl_tree::Shared;
use std::sync::Arc;

/// Who looks, and on whose account.
pub(crate) struct Inside<'a> {
    pub(crate) reader: Option<&'a Reader>,
    pub(crate) patience: &'a Patience,
    /// The devices that all nodes stand on.
    pub(crate) members: &'a Members,
}

impl Inside<'_> {
    /// Looks into the file system of `signature` on `node`, if it is one and
    /// nobody has looked yet.
    pub(crate) fn look(&self, node: &Node, signature: &mut Signature) {
        let format = signature.format;
        let Outcome::Found(superblock) = &mut signature.outcome else {
            return;
        };
        let Content::Filesystem(filesystem) = &superblock.content else {
            return;
        };
        if filesystem.look != Look::NotLooked {
            return;
        }
        let copy_only = !superblock.damaged_copies.is_empty();
        let look = match format {
            Format::Ext2 | Format::Ext3 | Format::Ext4 if copy_only => unreadable(
                "only a copy of its superblock is sound, which does not know its journal",
            ),
            _ => self.one(node, format, superblock),
        };
        if let Content::Filesystem(filesystem) = &mut superblock.content {
            filesystem.look = look;
        }
    }

    fn one(&self, node: &Node, format: Format, superblock: &Superblock) -> Look {
        let Some(reader) = self.reader else {
            return asl_tree::look(&self.shared(node), format, superblock);
        };
        // No child for what no reader would touch.
        if let Some(refusal) = asl_tree::refusal(format, superblock) {
            return refusal;
        }
        let members = [(node.clone(), superblock.clone())];
        self.jailed(reader, format, &members, false)
    }

    /// Looks into what `members` make up together.
    pub(crate) fn pool(&self, format: Format, members: &[(Node, Superblock)]) -> Look {
        if let Some(reader) = self.reader {
            return self.jailed(reader, format, members, true);
        }
        let members: Vec<asl_tree::Member<'_>> = members
            .iter()
            .map(|(node, superblock)| asl_tree::Member {
                dev: self.shared(node),
                superblock,
            })
            .collect();
        asl_tree::look_pool(format, &members)
    }

    fn shared(&self, node: &Node) -> Shared {
        Arc::new(Metered::with(node.clone(), self.patience.meter.clone()))
    }

    fn jailed(
        &self,
        reader: &Reader,
        format: Format,
        members: &[(Node, Superblock)],
        together: bool,
    ) -> Look {
        match self.ask(reader, format, members, together) {
            Ok(answer) => {
                self.patience.meter.charge(answer.reads, answer.bytes);
                answer.look
            }
            Err(failure) => unreadable(format!("the reader of {format} {failure}")),
        }
    }

    fn ask(
        &self,
        reader: &Reader,
        format: Format,
        members: &[(Node, Superblock)],
        together: bool,
    ) -> Result<Answer, Failure> {
        let mut planner = Planner::default();
        let members = members
            .iter()
            .map(|(node, superblock)| Asked {
                node: planner.add(node),
                superblock: superblock.clone(),
            })
            .collect();
        let (plan, names) = planner.finish();
        if names.len() > MAX_DEVICES {
            return Err(Failure::Devices(names.len()));
        }
        let devices = self.members.handed_over(&names).map_err(Failure::Start)?;
        let (devices, sizes): (Vec<_>, Vec<_>) = devices.into_iter().unzip();
        let request = Request {
            format,
            together,
            sizes,
            plan,
            members,
            budget: self.patience.meter.left(),
        };
        reader.ask(&devices, &request, self.patience)
    }
}

pub(crate) fn unreadable(why: impl Into<String>) -> Look {
    Look::Unreadable { why: why.into() }
}
