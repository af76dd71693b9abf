//! What a new mode asks for: pure.

use crate::rerun::falls;
use asl_decide::STORE_LOST;
use asl_mode::{Mode, ModeFile};

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Serve what was found.
    Start,
    /// Nothing is left to serve.
    Stop,
    /// Serve it with less access, and let nobody write to it.
    Lower,
    /// The endpoint that was waited for answers: mount it, and serve that.
    Mount,
    /// Everybody at the node is told.
    Tell,
}

/// What follows from `after`. Nothing is started that somebody stopped: only
/// a node that had nothing to serve begins by itself.
pub(crate) fn effects(before: Option<&ModeFile>, after: &ModeFile) -> Vec<Effect> {
    let Some(before) = before else {
        return match after.mode {
            Mode::None => vec![Effect::Tell],
            _ => vec![Effect::Tell, Effect::Start],
        };
    };
    let served = |mode: &ModeFile| {
        (
            mode.mode,
            mode.access,
            mode.store.clone(),
            mode.mount.clone(),
        )
    };
    let lost = after.code == STORE_LOST && before.code != STORE_LOST;
    if served(before) == served(after) && !lost {
        return Vec::new();
    }
    let mut effects = vec![Effect::Tell];
    if lost {
        effects.push(Effect::Stop);
    } else if before.mode == Mode::None && after.mode != Mode::None {
        effects.push(Effect::Start);
    } else if after.mode == Mode::Remote && after.mount != before.mount {
        effects.push(Effect::Mount);
    } else if falls(before, after) {
        effects.push(Effect::Lower);
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl_mode::Access;

    fn mode(mode: Mode, code: &str, access: Access) -> ModeFile {
        ModeFile {
            mode,
            access,
            ..ModeFile::none("rule", code, "why", "next")
        }
    }

    #[test]
    fn a_node_with_nothing_begins_and_one_that_lost_its_store_ends() {
        let none = mode(Mode::None, "empty", Access::Ro);
        let local = mode(Mode::Local, "sole-plain", Access::Ro);
        let remote = mode(Mode::Remote, "remote-ok", Access::Ro);
        let lost = mode(Mode::None, STORE_LOST, Access::Ro);
        for serving in [&local, &remote] {
            assert_eq!(effects(Some(&none), serving), [Effect::Tell, Effect::Start]);
            assert_eq!(effects(None, serving), [Effect::Tell, Effect::Start]);
            assert_eq!(effects(Some(serving), serving), []);
            assert_eq!(effects(Some(serving), &none), [Effect::Tell]);
        }
        assert_eq!(effects(Some(&local), &lost), [Effect::Tell, Effect::Stop]);
        assert_eq!(effects(Some(&lost), &lost), []);
        assert_eq!(effects(None, &none), [Effect::Tell]);
    }

    #[test]
    fn an_endpoint_that_answers_at_last_is_mounted() {
        let waiting = mode(Mode::Remote, "waiting", Access::Ro);
        let answers = ModeFile {
            mount: "/mnt/asl/remote".to_owned(),
            ..mode(Mode::Remote, "forced-remote", Access::Ro)
        };
        let all = [Effect::Tell, Effect::Mount];
        assert_eq!(effects(Some(&waiting), &answers), all);
        assert_eq!(effects(Some(&answers), &answers), []);
    }

    #[test]
    fn another_code_of_mode_none_is_for_the_file_alone() {
        let empty = mode(Mode::None, "empty", Access::Ro);
        let many = mode(Mode::None, "many", Access::Ro);
        assert_eq!(effects(Some(&empty), &many), []);
    }

    #[test]
    fn less_access_lowers_what_is_served() {
        let rw = mode(Mode::Local, "sole-plain", Access::Rw);
        let ro = mode(Mode::Local, "sole-plain", Access::Ro);
        assert_eq!(effects(Some(&rw), &ro), [Effect::Tell, Effect::Lower]);
        assert_eq!(effects(Some(&ro), &rw), [Effect::Tell]);
    }
}
