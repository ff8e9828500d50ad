//! Any bytes as a message of a client in this wire protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fanfare_fuzz::pusher(bytes));
