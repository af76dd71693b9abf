//! `BLKROGET` and `BLKROSET`, linux/fs.h; `BTRFS_IOC_FORGET_DEV`,
//! linux/btrfs.h; `LOOP_CTL_REMOVE`, linux/loop.h.
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

    /// `struct btrfs_ioctl_vol_args`.
    #[repr(C)]
    pub(super) struct VolArgs {
        pub(super) fd: i64,
        pub(super) name: [u8; 4088],
    }
    nix::ioctl_write_ptr!(forget, 0x94, 5, VolArgs);

    nix::ioctl_write_int_bad!(loop_ctl_remove, 0x4c81);
}

/// Makes the btrfs driver forget a device that no mount uses.
pub(crate) fn forget(control: &File, node: &str) -> io::Result<()> {
    let mut args = raw::VolArgs {
        fd: 0,
        name: [0; 4088],
    };
    // One byte stays for the zero at the end.
    let room = args
        .name
        .get_mut(..node.len())
        .filter(|room| room.len() < 4088);
    let room = room.ok_or(io::ErrorKind::InvalidFilename)?;
    room.copy_from_slice(node.as_bytes());
    // SAFETY: the descriptor is open for as long as `control` is borrowed; the
    // kernel reads `args`, which has the size that the request's number says
    // and outlives the call.
    unsafe { raw::forget(control.as_raw_fd(), &raw const args) }?;
    Ok(())
}

/// Removes a loop device that nothing is attached to and nobody has open.
pub(crate) fn remove_loop(control: &File, number: u16) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as `control` is borrowed, and
    // the request passes a number, no pointer.
    unsafe { raw::loop_ctl_remove(control.as_raw_fd(), c_int::from(number)) }?;
    Ok(())
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
