//! `BLKROGET` and `BLKROSET`, linux/fs.h.
#![allow(unsafe_code)]

use nix::libc::c_int;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

mod raw {
    use nix::libc::c_int;
    use nix::request_code_none;

    // Both were given numbers as if they passed nothing; both take a pointer
    // to an int.
    nix::ioctl_read_bad!(blkroget, request_code_none!(0x12, 94), c_int);
    nix::ioctl_write_ptr_bad!(blkroset, request_code_none!(0x12, 93), c_int);
}

/// Whether the kernel refuses writes to the device.
pub(crate) fn read_only(device: &File) -> io::Result<bool> {
    let mut value: c_int = 0;
    // SAFETY: the descriptor is open for as long as `device` is borrowed, and
    // the kernel writes one int to `value`, which lives and is exclusive here.
    // On a file that is no block device the call fails with ENOTTY.
    unsafe { raw::blkroget(device.as_raw_fd(), &raw mut value) }?;
    Ok(value != 0)
}

/// Makes the kernel refuse or allow writes to the device.
pub(crate) fn set_read_only(device: &File, value: bool) -> io::Result<()> {
    let value = c_int::from(value);
    // SAFETY: as above; the kernel only reads `value`.
    unsafe { raw::blkroset(device.as_raw_fd(), &raw const value) }?;
    Ok(())
}
