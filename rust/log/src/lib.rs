//! Messages to the journal or to standard error, as logging.conf says.
#![forbid(unsafe_code)]

use asl_config::{LogLevel, LogTarget, Logging};
use std::fmt;
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging. In a unit standard error is the journal already; by hand
/// the journal's own socket keeps a record beside what the terminal shows.
pub fn start(logging: &Logging) {
    let in_unit = std::env::var_os("JOURNAL_STREAM").is_some();
    let journal = match logging.target {
        LogTarget::Journal if !in_unit => tracing_journald::layer().ok(),
        _ => None,
    };
    let stderr = journal.is_none() || std::io::stderr().is_terminal();
    let lines = stderr.then(|| {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            // It would tell on the very stream that failed, and panic.
            .log_internal_errors(false)
            .with_writer(std::io::stderr)
            .event_format(Line { prefix: in_unit })
    });
    // A second start is a test's; the first one stays.
    let _ = tracing_subscriber::registry()
        .with(filter(logging.level))
        .with(journal)
        .with(lines)
        .try_init();
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

struct Line {
    /// A line begins with its priority, as sd-daemon(3) says.
    prefix: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        if self.prefix {
            write!(writer, "<{}>", priority(level))?;
        } else {
            write!(writer, "{}: ", level.as_str().to_ascii_lowercase())?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// syslog(3) priorities.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}
