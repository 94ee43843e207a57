//! See the library beside this file.

/// Fan-out allocates one frame per message and frees it on another thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sidetalk_server::cli::main()
}
