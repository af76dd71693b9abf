//! The functions of asl.h. Each checks its pointers, calls `crate::call`
//! and hands over or takes back memory; nothing else is decided here.
#![allow(unsafe_code)]

use crate::call::{self, guarded};
use crate::code::{Code, Failure};
use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::panic::UnwindSafe;
use std::path::Path;
use std::ptr;

const OK: c_int = 0;

/// `struct asl_mode`. The layout is asl.h's; `tests/c_abi.rs` compares sizes
/// and offsets.
#[repr(C)]
#[derive(Debug)]
pub struct AslMode {
    /// `mode`
    pub mode: *const c_char,
    /// `code`
    pub code: *const c_char,
    /// `rule`
    pub rule: *const c_char,
    /// `access`
    pub access: *const c_char,
    /// `backend`
    pub backend: *const c_char,
    /// `source`
    pub source: *const c_char,
    /// `store`
    pub store: *const c_char,
    /// `mount`
    pub mount: *const c_char,
    /// `reason`
    pub reason: *const c_char,
    /// `hint`
    pub hint: *const c_char,
    /// `boot_id`
    pub boot_id: *const c_char,
    /// `generation`
    pub generation: u64,
    /// `schema`
    pub schema: u32,
}

/// See asl.h.
#[unsafe(no_mangle)]
pub extern "C" fn asl_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// See asl.h.
#[unsafe(no_mangle)]
pub extern "C" fn asl_strerror(error: c_int) -> *const c_char {
    call::describe(error).as_ptr()
}

/// See asl.h.
#[unsafe(no_mangle)]
pub extern "C" fn asl_last_error() -> *const c_char {
    call::last_error()
}

/// See asl.h.
///
/// # Safety
/// `path` is NULL or a string that ends with NUL; `out` is NULL or points to
/// a pointer that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asl_mode_read(path: *const c_char, out: *mut *mut AslMode) -> c_int {
    // SAFETY: NULL or a string, says the caller; it outlives this call.
    let path = unsafe { borrow(path) };
    // SAFETY: NULL or writable, says the caller.
    unsafe { hand_out(out, "out", move || make_mode(path).map(Box::into_raw)) }
}

/// See asl.h.
///
/// # Safety
/// `mode` is NULL or came from `asl_mode_read` and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asl_mode_free(mode: *mut AslMode) {
    if mode.is_null() {
        return;
    }
    // SAFETY: it is the box that asl_mode_read let go, and nobody else's.
    let mode = unsafe { Box::from_raw(mode) };
    for string in mode.strings() {
        // SAFETY: each was made by CString::into_raw in make_mode.
        drop(unsafe { CString::from_raw(string.cast_mut()) });
    }
}

/// See asl.h.
///
/// # Safety
/// `path` is NULL or a string that ends with NUL; `json_out` is NULL or
/// points to a pointer that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asl_probe_file(path: *const c_char, json_out: *mut *mut c_char) -> c_int {
    // SAFETY: NULL or a string, says the caller; it outlives this call.
    let path = unsafe { borrow(path) };
    let probe = move || {
        let path = path.ok_or_else(|| Failure::new(Code::Invalid, "path is NULL"))?;
        call::probe(path).map(CString::into_raw)
    };
    // SAFETY: NULL or writable, says the caller.
    unsafe { hand_out(json_out, "json_out", probe) }
}

/// See asl.h.
///
/// # Safety
/// `string` is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asl_free(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: made by CString::into_raw, says the caller.
        drop(unsafe { CString::from_raw(string) });
    }
}

/// Puts what `make` made where the caller wants it, and NULL there after a
/// failure. `name` is the parameter's, for the caller who passed NULL for it.
///
/// # Safety
/// `out` is NULL or points to a pointer that may be written.
unsafe fn hand_out<T>(
    out: *mut *mut T,
    name: &str,
    make: impl FnOnce() -> Result<*mut T, Failure> + UnwindSafe,
) -> c_int {
    let wanted = !out.is_null();
    let made = guarded(move || {
        if !wanted {
            return Err(Failure::new(Code::Invalid, format!("{name} is NULL")));
        }
        make()
    });
    if wanted {
        let made = made.as_ref().map_or(ptr::null_mut(), |made| *made);
        // SAFETY: not NULL, and the caller lets us write it.
        unsafe { out.write(made) };
    }
    made.err().unwrap_or(OK)
}

/// The path of a C string, if there is one.
///
/// # Safety
/// NULL, or a string that ends with NUL and lives for `'a`.
unsafe fn borrow<'a>(path: *const c_char) -> Option<&'a Path> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let path = unsafe { CStr::from_ptr(path) };
    Some(Path::new(OsStr::from_bytes(path.to_bytes())))
}

fn make_mode(path: Option<&Path>) -> Result<Box<AslMode>, Failure> {
    let file = call::read_mode(path)?;
    // All conversions first: a failure must not leave half of them behind.
    let [
        mode,
        code,
        rule,
        access,
        backend,
        source,
        store,
        mount,
        reason,
        hint,
        boot_id,
    ] = [
        call::value("mode", file.mode.name().to_owned())?,
        call::value("code", file.code)?,
        call::value("rule", file.rule)?,
        call::value("access", file.access.name().to_owned())?,
        call::value("backend", file.backend)?,
        call::value("source", file.source)?,
        call::value("store", file.store)?,
        call::value("mount", file.mount)?,
        call::value("reason", file.reason)?,
        call::value("hint", file.hint)?,
        call::value("boot_id", file.boot_id)?,
    ]
    .map(|text| text.into_raw().cast_const());
    Ok(Box::new(AslMode {
        mode,
        code,
        rule,
        access,
        backend,
        source,
        store,
        mount,
        reason,
        hint,
        boot_id,
        generation: file.generation,
        schema: file.schema,
    }))
}

impl AslMode {
    fn strings(&self) -> [*const c_char; 11] {
        [
            self.mode,
            self.code,
            self.rule,
            self.access,
            self.backend,
            self.source,
            self.store,
            self.mount,
            self.reason,
            self.hint,
            self.boot_id,
        ]
    }
}
