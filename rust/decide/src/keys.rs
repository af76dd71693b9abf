//! What the configuration gives to open what is locked.

use crate::Key;
use crate::candidate::Candidate;
use asl_config::Config;
use asl_facts::{Content, Format};

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// It is named for this very container.
    Named(Key),
    /// Any passphrase may be asked for. That says nothing about this one.
    General,
}

impl Source {
    pub(crate) fn key(self) -> Key {
        match self {
            Source::Named(key) => key,
            Source::General => Key::Prompt,
        }
    }
}

/// The source for a locked candidate, if one is allowed.
pub(crate) fn source(config: &Config, candidate: &Candidate<'_>) -> Option<Source> {
    const ANY: &str = "any";
    let superblock = candidate.superblock()?;
    let Content::Container(container) = &superblock.content else {
        return None;
    };
    let uuid = superblock.uuid.as_deref()?;
    // cryptsetup is what opens it; BitLocker keys have other forms.
    if !container.locked || candidate.format() != Some(Format::Luks) {
        return None;
    }
    let is = |known: &str| known.eq_ignore_ascii_case(uuid);
    let unlock = &config.unlock;
    if let Some(file) = unlock.keyfile.iter().find(|file| is(&file.container)) {
        return Some(Source::Named(Key::File {
            path: file.path.clone(),
        }));
    }
    if unlock.prompt.iter().any(|known| is(known)) {
        return Some(Source::Named(Key::Prompt));
    }
    let any = unlock.prompt.iter().any(|known| known == ANY);
    any.then_some(Source::General)
}
