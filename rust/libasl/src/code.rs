//! Results as numbers: `ASL_OK` and the others of asl.h.

use asl_mode::{Fault, ReadError};
use asl_scan::ScanError;
use std::ffi::CStr;

/// A result other than `ASL_OK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// `ASL_EINVAL`.
    Invalid,
    /// `ASL_EIO`.
    Io,
    /// `ASL_ENOMODE`.
    NoMode,
    /// `ASL_EBADMODE`.
    BadMode,
    /// `ASL_EOTHERMODE`.
    OtherMode,
    /// `ASL_ENOTPROBE`.
    NotProbe,
    /// `ASL_EINTERNAL`.
    Internal,
}

impl Code {
    /// All of them, in the order of their numbers.
    pub const ALL: [Code; 7] = [
        Code::Invalid,
        Code::Io,
        Code::NoMode,
        Code::BadMode,
        Code::OtherMode,
        Code::NotProbe,
        Code::Internal,
    ];

    /// The number in asl.h.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Code::Invalid => 1,
            Code::Io => 2,
            Code::NoMode => 3,
            Code::BadMode => 4,
            Code::OtherMode => 5,
            Code::NotProbe => 6,
            Code::Internal => 7,
        }
    }

    /// The macro in asl.h.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Code::Invalid => "ASL_EINVAL",
            Code::Io => "ASL_EIO",
            Code::NoMode => "ASL_ENOMODE",
            Code::BadMode => "ASL_EBADMODE",
            Code::OtherMode => "ASL_EOTHERMODE",
            Code::NotProbe => "ASL_ENOTPROBE",
            Code::Internal => "ASL_EINTERNAL",
        }
    }

    /// What it means.
    #[must_use]
    pub fn text(self) -> &'static CStr {
        match self {
            Code::Invalid => c"a pointer is NULL, or a path is not usable",
            Code::Io => c"the system refused",
            Code::NoMode => c"there is no mode file",
            Code::BadMode => c"the mode file is garbled",
            Code::OtherMode => c"the mode file is of another schema or another boot",
            Code::NotProbe => c"neither a block device nor a regular file",
            Code::Internal => c"a defect of the library",
        }
    }
}

/// A result with its particulars.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(code: Code, detail: impl ToString) -> Self {
        Self {
            code,
            detail: detail.to_string(),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let code = match error.fault {
            Fault::Missing => Code::NoMode,
            Fault::Io(_) => Code::Io,
            Fault::OtherSchema { .. } | Fault::OtherBoot { .. } => Code::OtherMode,
            _ => Code::BadMode,
        };
        Self::new(code, error)
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        let code = match error {
            ScanError::NotProbeable { .. } => Code::NotProbe,
            _ => Code::Io,
        };
        Self::new(code, error)
    }
}
