//! The program. Everything it does is in `fanfare::cli`.

/// Requests, rows and deliveries are made on one thread and dropped on another all the time; the
/// usual allocator of Linux took a quarter of a delivery's processor time for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    fanfare::cli::main()
}
