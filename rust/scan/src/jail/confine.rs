//! What the child gives up before it reads a byte.

use super::child::JailError;
use super::{MAX_CPU, MAX_MEMORY, MAX_STACK};
use rustix::process::{
    Resource, Rlimit, Signal, getpid, getrlimit, set_parent_process_death_signal, setrlimit,
};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, apply_filter,
};
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Descriptors beside the devices: the socket, the last words.
const PARENT: u64 = 1;
const WORDS: u64 = 2;

/// Limits first: the filter forbids to set them.
pub(super) fn confine(devices: &[BorrowedFd<'_>]) -> Result<(), JailError> {
    // Where memory is short the kernel shall take a reader and not the scan
    // or the decision. Without this it may choose worse, and it still reads.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // A scan that dies leaves no readers behind. It only tidies up.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    for (resource, limit) in [
        (Resource::As, MAX_MEMORY),
        (Resource::Stack, MAX_STACK),
        (Resource::Cpu, MAX_CPU),
        // None but those that are open.
        (Resource::Nofile, 3),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
        (Resource::Core, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ] {
        // What was inherited may be less, and cannot be raised.
        let before = getrlimit(resource);
        let least = |a: u64, b: Option<u64>| Some(b.map_or(a, |b| a.min(b)));
        // The soft limit of CPU time ends a process with a signal that says
        // so, the hard one, were it reached as soon, with SIGKILL.
        let hard = limit.saturating_add(u64::from(resource == Resource::Cpu));
        let limits = Rlimit {
            current: least(limit, before.maximum),
            maximum: least(hard, before.maximum),
        };
        setrlimit(resource, limits).map_err(|error| JailError::Limit {
            resource,
            error: error.into(),
        })?;
    }
    let filter = filter(devices).map_err(seccompiler::Error::Backend)?;
    // Sets no_new_privs as well: the kernel asks for it.
    Ok(apply_filter(&filter)?)
}

/// An allow list; whatever else is called kills the process, which the
/// parent sees as SIGSYS.
fn filter(devices: &[BorrowedFd<'_>]) -> Result<BpfProgram, BackendError> {
    let own = u64::try_from(getpid().as_raw_pid()).unwrap_or(0);
    let devices = devices.iter().map(|device| {
        let number = u64::try_from(device.as_raw_fd()).unwrap_or(u64::MAX);
        rule([is(0, number)?])
    });
    let devices: Result<Vec<SeccompRule>, BackendError> = devices.collect();
    let rules = BTreeMap::from([
        // Descriptors that the parent's own parent left open are as good as
        // closed: each call names those that it may be used on.
        (libc::SYS_pread64, devices?),
        (libc::SYS_read, vec![rule([is(0, PARENT)?])?]),
        (
            libc::SYS_write,
            vec![rule([is(0, PARENT)?])?, rule([is(0, WORDS)?])?],
        ),
        // Memory, never to be executed and never a file's.
        (libc::SYS_brk, vec![]),
        (
            libc::SYS_mmap,
            vec![rule([
                masked(2, libc::PROT_EXEC, 0)?,
                masked(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)?,
            ])?],
        ),
        (
            libc::SYS_mprotect,
            vec![rule([masked(2, libc::PROT_EXEC, 0)?])?],
        ),
        (libc::SYS_mremap, vec![]),
        (libc::SYS_munmap, vec![]),
        (libc::SYS_madvise, vec![]),
        // The seeds of hash maps, locks, clocks (mostly without a call).
        (libc::SYS_getrandom, vec![]),
        (libc::SYS_futex, vec![]),
        (libc::SYS_clock_gettime, vec![]),
        // A panic names its thread; the guard page's handler puts the
        // default back and has the stack overflow end the process; abort
        // says which allocation failed.
        (libc::SYS_gettid, vec![]),
        (libc::SYS_getpid, vec![]),
        (libc::SYS_rt_sigaction, vec![]),
        (libc::SYS_rt_sigprocmask, vec![]),
        (libc::SYS_rt_sigreturn, vec![]),
        (libc::SYS_sigaltstack, vec![]),
        (libc::SYS_tgkill, vec![rule([is(0, own)?])?]),
        (libc::SYS_exit, vec![]),
        (libc::SYS_exit_group, vec![]),
    ]);
    SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into())
}

/// The kernel takes descriptors and process ids as 32 bits.
fn is(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn masked(argument: u8, mask: i32, value: i32) -> Result<SeccompCondition, BackendError> {
    let bits = |value: i32| u64::from(value.unsigned_abs());
    SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::MaskedEq(bits(mask)),
        bits(value),
    )
}
