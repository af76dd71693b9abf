//! What the functions do, without a pointer.

use crate::code::{Code, Failure};
use asl_mode::{ModeFile, current_boot_id};
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{UnwindSafe, catch_unwind};
use std::path::Path;

const MODE_FILE: &str = "/run/asl/mode";

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Runs `work`, keeps its failure for [`last_error`], and lets no panic out:
/// unwinding into C is undefined.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Failure> + UnwindSafe) -> Result<T, i32> {
    let result = catch_unwind(work)
        .unwrap_or_else(|_| Err(Failure::new(Code::Internal, "a panic was caught")));
    result.map_err(|failure| {
        remember(&failure.detail);
        failure.code.number()
    })
}

fn remember(detail: &str) {
    let text: Vec<u8> = detail.bytes().filter(|byte| *byte != 0).collect();
    let text = CString::new(text).unwrap_or_default();
    // During the thread's end there is nobody left to ask.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = text);
}

/// Valid until the next [`remember`] of this thread: the string's own memory
/// does not move when the cell is read again.
pub(crate) fn last_error() -> *const c_char {
    LAST_ERROR
        .try_with(|last| last.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}

pub(crate) fn read_mode(path: Option<&Path>) -> Result<ModeFile, Failure> {
    let boot_id = current_boot_id(Path::new("/"))
        .map_err(|error| Failure::new(Code::Io, format!("the id of this boot: {error}")))?;
    Ok(ModeFile::read(
        path.unwrap_or(Path::new(MODE_FILE)),
        &boot_id,
    )?)
}

pub(crate) fn probe(path: &Path) -> Result<CString, Failure> {
    let device = asl_scan::probe_path(path)?;
    let json =
        serde_json::to_string(&device).map_err(|error| Failure::new(Code::Internal, error))?;
    // JSON writes a NUL as \u0000.
    CString::new(json).map_err(|error| Failure::new(Code::Internal, error))
}

/// A value of the mode file for C.
pub(crate) fn value(key: &str, text: String) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::new(Code::BadMode, format!("{key}: holds a NUL")))
}

/// What a result means.
pub(crate) fn describe(error: i32) -> &'static CStr {
    if error == 0 {
        return c"success";
    }
    Code::ALL
        .iter()
        .find(|code| code.number() == error)
        .map_or(c"unknown result", |code| code.text())
}
