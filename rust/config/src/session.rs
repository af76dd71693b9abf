//! The session's own file: what `asl-admin use` and `asl-admin allow-write`
//! were told, in the form of any other file of the configuration.

use crate::error::{ConfigError, quoted};
use crate::{Config, Consent, Pick, SESSION, layers};
use std::path::Path;

/// Its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// `use`: what was named in place of all selectors.
    pub r#use: Option<Pick>,
    /// `write.allow`: what may be written to beside what is configured.
    pub allow: Vec<Consent>,
}

impl Session {
    /// Reads it below `root`; one that is not there is empty.
    ///
    /// # Errors
    /// It cannot be read or used.
    pub fn load(root: &Path) -> Result<Self, ConfigError> {
        let config = layers::session_alone(root)?;
        Ok(Self {
            r#use: config.r#use,
            allow: config.write.allow,
        })
    }

    /// Nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The file's text, which reads back as this and as nothing else.
    ///
    /// # Errors
    /// A value that a line cannot hold: a directory's name may have a line
    /// break or ` #` in it.
    pub fn render(&self) -> Result<String, ConfigError> {
        let mut text = String::from(
            "# Written by asl-admin; lost at reboot. `asl-admin use --clear` takes it away.\n",
        );
        if let Some(pick) = &self.r#use {
            text.push_str(&format!("use = {pick}\n"));
        }
        if !self.allow.is_empty() {
            let all: Vec<_> = self.allow.iter().map(ToString::to_string).collect();
            text.push_str(&format!("write.allow = {}\n", all.join(", ")));
        }
        let same = |config: &Config| config.r#use == self.r#use && config.write.allow == self.allow;
        let seen = match layers::session_text(&text) {
            Ok(config) if same(&config) => return Ok(text),
            Ok(_) => quoted(text.lines().nth(1).unwrap_or_default()),
            Err(error) => error.seen,
        };
        Err(ConfigError {
            file: SESSION.to_owned(),
            line: None,
            column: None,
            key: None,
            seen,
            expected: "ids and paths that one line can hold, without ` #` or a control character"
                .to_owned(),
            hint: "name it by its id alone, or by local.serial in /etc/asl/asl.conf".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(id: &str, path: Option<&str>) -> Session {
        Session {
            r#use: Some(Pick {
                id: id.to_owned(),
                path: path.map(str::to_owned),
            }),
            allow: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let consent = |id: &str| Consent {
            id: id.to_owned(),
            carrier: Some("S1".to_owned()),
        };
        let mut session = pick("log:0123", Some("/asl/domains/my store"));
        session.allow = vec![consent("a"), consent("b")];
        for session in [session, pick("u", Some("/")), Session::default()] {
            let config = layers::session_text(&session.render().unwrap()).unwrap();
            assert_eq!(
                (config.r#use, config.write.allow),
                (session.r#use, session.allow)
            );
        }
    }

    /// A disk chooses the names of its directories.
    #[test]
    fn a_path_that_a_line_cannot_hold_is_refused() {
        let long = format!("/{}", "x".repeat(2000));
        for path in ["/a #b", "/a\nwrite.allow = x@y", "/a ", "/\u{1b}[2J", &long] {
            assert!(pick("u", Some(path)).render().is_err(), "{path}");
        }
        assert!(pick("none", None).render().is_err());
        assert!(pick("a b", None).render().is_err());
    }
}
