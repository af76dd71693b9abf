//! The only way in: positioned reads. There is no write, so no decoder and
//! no directory reader can be made to change a disk.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Positioned, read-only access to a device or an image file.
pub trait ReadAt {
    /// Reads into `buf` from `offset` (bytes). Fewer bytes than asked for
    /// mean the end of the device was reached.
    ///
    /// # Errors
    /// The error of the system call, or of a wrapper that gave up.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Size of the device, bytes.
    fn size(&self) -> u64;
}

/// A read that failed: it belongs to the device, not to a format.
#[derive(Debug)]
pub struct Fault {
    /// Offset of the failed read, bytes.
    pub offset: u64,
    /// What the system said.
    pub error: io::Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read at {}: {}", self.offset, self.error)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Reads up to `len` bytes at `offset`; fewer only at the end of the device.
///
/// # Errors
/// The first failed read.
pub fn read_up_to(dev: &dyn ReadAt, offset: u64, len: usize) -> Result<Vec<u8>, Fault> {
    let mut buf = vec![0; len];
    let done = read_into(dev, offset, &mut buf)?;
    buf.truncate(done);
    Ok(buf)
}

/// The same into memory that is there: how many bytes it was.
pub(crate) fn read_into(dev: &dyn ReadAt, offset: u64, buf: &mut [u8]) -> Result<usize, Fault> {
    let mut done = 0_usize;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        match dev.read_at(at, rest) {
            Ok(0) => break,
            Ok(count) => done = done.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault { offset: at, error }),
        }
    }
    Ok(done)
}

/// [`read_up_to`] for what a superblock is whole without: none where the device
/// cannot read it.
///
/// # Errors
/// The time for the device is over.
pub(crate) fn read_if_readable(
    dev: &dyn ReadAt,
    offset: u64,
    len: usize,
) -> Result<Option<Vec<u8>>, Fault> {
    Ok(unless_over(read_up_to(dev, offset, len))?.ok())
}

/// A read whose failure is a fact about what it was for; the outer error is
/// the end of the time for the device, and so of everything.
pub(crate) fn unless_over<T>(read: Result<T, Fault>) -> Result<Result<T, Fault>, Fault> {
    match read {
        Err(fault) if is_over(&fault.error) => Err(fault),
        read => Ok(read),
    }
}

/// The deadline or the budget of the device, and no fault of its own.
pub(crate) fn is_over(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::QuotaExceeded
    )
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..))
            .unwrap_or_default();
        let count = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn size(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.as_slice().read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.as_slice().size()
    }
}

impl<R: ReadAt + ?Sized> ReadAt for Arc<R> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        (**self).size()
    }
}

/// What may be read of a device, and what was.
#[derive(Debug)]
pub struct Meter {
    reads: AtomicU64,
    bytes: AtomicU64,
    pulse: AtomicU64,
    budget: u64,
    given_up: Arc<AtomicBool>,
}

impl Meter {
    /// Lets at most `budget` bytes through, and nothing once `given_up` is
    /// set.
    #[must_use]
    pub fn new(budget: u64, given_up: Arc<AtomicBool>) -> Self {
        Self {
            reads: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            pulse: AtomicU64::new(0),
            budget,
            given_up,
        }
    }

    /// Number of reads so far.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that may still be read.
    pub fn left(&self) -> u64 {
        self.budget.saturating_sub(self.bytes())
    }

    /// Counts what somebody else read on its account.
    pub fn charge(&self, reads: u64, bytes: u64) {
        self.reads.fetch_add(reads, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.alive();
    }

    /// Grows whenever the work gets on: with each read that succeeds, and with
    /// [`alive`](Self::alive).
    pub fn pulse(&self) -> u64 {
        self.pulse.load(Ordering::Relaxed)
    }

    /// The work got on in another way than by a read of its own.
    pub fn alive(&self) {
        self.pulse.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts reads, and ends them when a budget is spent or somebody gave up:
/// a reader that a forged tree sends in circles ends with an error.
#[derive(Debug)]
pub struct Metered<R> {
    inner: R,
    meter: Arc<Meter>,
}

impl<R: ReadAt> Metered<R> {
    /// With a meter of its own: see [`Meter::new`].
    pub fn new(inner: R, budget: u64, given_up: Arc<AtomicBool>) -> Self {
        Self::with(inner, Arc::new(Meter::new(budget, given_up)))
    }

    /// With a meter that others share.
    pub fn with(inner: R, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }

    /// Number of reads so far.
    pub fn reads(&self) -> u64 {
        self.meter.reads()
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.meter.bytes()
    }
}

impl<R: ReadAt> ReadAt for Metered<R> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if self.meter.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "deadline passed"));
        }
        if self.bytes() > self.meter.budget {
            return Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                "more reads than any sound device needs",
            ));
        }
        let count = self.inner.read_at(offset, buf)?;
        let bytes = u64::try_from(count).unwrap_or(u64::MAX);
        self.meter.charge(1, bytes);
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.inner.size()
    }
}
