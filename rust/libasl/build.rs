//! Gives the library its SONAME: programs ask the loader for `libasl.so.0`,
//! and the number rises when a function or a structure in asl.h breaks them.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libasl.so.0");
}
