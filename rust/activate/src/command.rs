//! A tool's command line, and how it looks in a shell.

use std::fmt;
use std::time::Duration;

/// Where the tools are; never the caller's `PATH`.
pub(crate) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A tool that is run without a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub(crate) program: &'static str,
    pub(crate) args: Vec<String>,
    /// A variable of its environment.
    pub(crate) env: Option<(&'static str, &'static str)>,
    /// It has our environment and our terminal, and what stops us there stops
    /// it. Others have nothing of ours, and are killed with what they started.
    pub(crate) by_hand: bool,
    /// Of what it prints so much is kept, bytes; the rest is read and dropped.
    pub(crate) kept: u64,
    /// After this it is killed.
    pub(crate) deadline: Duration,
}

/// A tool that only speaks to the kernel takes far less; one that has to read
/// a sick disk takes the kernel's retries.
const USUAL: Duration = Duration::from_secs(30);
/// Most tools say a line or two.
const KEPT: u64 = 16 * 1024;

impl Command {
    /// This program with these arguments.
    #[must_use]
    pub fn new(program: &'static str, args: &[&str]) -> Self {
        Self {
            program,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: None,
            by_hand: false,
            kept: KEPT,
            deadline: USUAL,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a String>) -> Self {
        self.args.extend(args.into_iter().cloned());
        self
    }

    pub(crate) fn arg_if(self, wanted: bool, arg: &str) -> Self {
        if wanted { self.arg(arg) } else { self }
    }

    /// libdm makes and removes the nodes itself and waits for nobody: under
    /// `nomdlvm` udev makes none, and a cookie that nobody answers would hang
    /// the tool.
    pub(crate) fn without_udev(mut self) -> Self {
        self.env = Some(("DM_DISABLE_UDEV", "1"));
        self
    }

    /// mount.cifs reads the password from its input; it would ask the
    /// terminal by itself, and a service has none.
    pub(crate) fn with_password_on_input(mut self) -> Self {
        self.env = Some(("PASSWD_FD", "0"));
        self
    }

    /// As part of what somebody types: with our environment, and on our
    /// terminal. Others have nothing of ours.
    #[must_use]
    pub fn by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }

    /// Keeps so many bytes of what it prints.
    #[must_use]
    pub fn keeping(mut self, bytes: u64) -> Self {
        self.kept = bytes;
        self
    }

    /// It is killed after this time, in place of half a minute.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// As a shell command.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, value)) = self.env {
            write!(f, "{name}={value} ")?;
        }
        f.write_str(self.program)?;
        self.args
            .iter()
            .try_for_each(|arg| write!(f, " {}", quote(arg)))
    }
}

/// A word for a POSIX shell. A disk chooses the names of its directories.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_from_a_disk_cannot_become_a_command() {
        assert_eq!(quote("/dev/sda1"), "/dev/sda1");
        assert_eq!(quote("/a b;reboot"), "'/a b;reboot'");
        assert_eq!(quote("/a'$(x)"), r"'/a'\''$(x)'");
        let command = Command::new("dmsetup", &["remove"])
            .arg("a b")
            .without_udev();
        assert_eq!(
            command.to_string(),
            "DM_DISABLE_UDEV=1 dmsetup remove 'a b'"
        );
    }
}
