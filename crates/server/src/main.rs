//! The program. Everything it does is in `fanfare::cli`.

fn main() -> std::process::ExitCode {
    fanfare::cli::main()
}
