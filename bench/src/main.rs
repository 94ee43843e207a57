//! Measures Sidetalk against the physical limit of the machine and against what a team would use instead.
//!
//! `run` starts each server in turn on one core, loads it from the other and writes the comparison. `raw` is the limit:
//! a server that does nothing but copy frames. The generator is one thread around one epoll; it knows every message
//! that it sent, so it checks each delivery for loss, repetition and order while it measures.
//!
//! It knows nothing of the server's code: it speaks `docs/api/native.md`, and the protocols of vendors, like any other client.
//!
//! Start reading at `run.rs`. To add a scenario:
//! 1. name it in `run::SIGNALS` or `run::OTHERS` and give it a shape (`load.rs`) or a function of its own (as `chat.rs`);
//! 2. say its goal in `goals.rs`;
//! 3. add it to the tests at the end of `load.rs`: a fraction of a second with ten members.

mod chart;
mod chat;
mod dialect;
mod frame;
mod goals;
mod histogram;
mod http;
mod idle;
mod load;
mod machine;
mod opentalk;
mod opentok;
mod openvidu;
mod raw;
mod report;
mod run;
mod servers;
mod socket;
mod start;
mod swarm;
mod tally;
mod token;

use std::net::TcpListener;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Load generator and comparison of Sidetalk.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure everything in one go and write bench/results.
    Run(run::Options),
    /// The physical limit: copies each frame to the members of the room named by the path. Ends when stdin does.
    Raw {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
        /// Join what arrives within one turn of the loop into one write per member.
        #[arg(long)]
        join: bool,
    },
}

fn main() -> Result<()> {
    machine::raise_file_limit()?;
    match Arguments::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Raw { listen, join } => {
            let listener = TcpListener::bind(listen)?;
            println!("{{\"port\":{}}}", listener.local_addr()?.port());
            raw::serve(&listener, join, std::io::stdin())
        }
    }
}
