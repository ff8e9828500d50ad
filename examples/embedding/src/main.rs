//! Opens the shop and does what is typed.

use std::process::ExitCode;

use anyhow::{Result, bail};
use fanfare::config::{Config, Secret};
use fanfare_embedding::Shop;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    // The server works on the runtime's threads, while this one waits for what is typed.
    let runtime = tokio::runtime::Runtime::new()?;
    let hook = std::env::args().nth(1);
    let config =
        Config { jwt_secret: std::env::var("FANFARE_JWT_SECRET").ok().map(Secret), ..Config::default() };
    let shop = runtime.block_on(Shop::open(config, hook.as_deref()))?;
    eprintln!("open on http://{}", shop.server().addr());
    for line in std::io::stdin().lines() {
        if let Err(error) = runtime.block_on(obey(&shop, &line?)) {
            eprintln!("{error:#}");
        }
    }
    runtime.block_on(shop.close());
    Ok(())
}

async fn obey(shop: &Shop, line: &str) -> Result<()> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["ship", customer, order] => shop.ship(customer, order.parse()?).await,
        ["who"] => {
            println!("{}", shop.visitors()?.join(", "));
            Ok(())
        }
        [] => Ok(()),
        _ => bail!("expected: ship CUSTOMER ORDER, or who"),
    }
}
