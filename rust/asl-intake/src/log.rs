//! Messages to standard error, which is the journal in a unit. A target in
//! logging.conf makes no difference to a server that systemd starts.

use asl_config::{Config, LogLevel};
use std::fmt;
use std::path::Path;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Starts logging, as logging.conf below `root` says.
pub(crate) fn start(root: &Path) {
    let config = Config::load(root);
    let level = match &config {
        Ok((config, _)) => config.logging.level,
        Err(_) => LogLevel::default(),
    };
    // Under systemd a line may begin with its priority (sd-daemon(3)); on a
    // terminal that would be noise.
    let prefix = std::env::var_os("JOURNAL_STREAM").is_some();
    tracing_subscriber::fmt()
        .with_max_level(filter(level))
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .event_format(Line { prefix })
        .init();
    // The mode was decided without it; the store is served all the same.
    if let Err(error) = config {
        tracing::warn!("{error}");
    }
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
        if self.prefix {
            write!(writer, "<{}>", priority(*event.metadata().level()))?;
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
