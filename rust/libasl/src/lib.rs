//! `libasl.so.0`: the C library of an ASL node. Its interface is
//! `include/asl.h`; [`abi`] is the only module that sees a pointer.
//!
//! A panic never crosses the boundary: it becomes [`Code::Internal`].

pub mod abi;
mod call;
mod code;

pub use code::Code;
