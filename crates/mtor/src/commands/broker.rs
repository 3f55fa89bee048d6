//! `mtor broker`: the broker alone, without workers.

use clap::Args;

use crate::commands::realm_file::BrokerArgs;
use crate::logging;
use crate::signals::Interrupts;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  mtor broker
  mtor broker --data /srv/realm --listen 0.0.0.0:9000
  MTOR_LOG=debug mtor broker

Workers are attached with `mtor worker`. $MTOR_LOG sets what is logged: error, warn, info (the default), debug.";

/// Starts the broker only. It runs until Ctrl-C or SIGTERM, which drain it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BrokerOnlyArgs {
    #[command(flatten)]
    broker: BrokerArgs,
}

/// Runs it.
pub(crate) async fn run(args: BrokerOnlyArgs) -> anyhow::Result<()> {
    logging::to_stderr(logging::LOGGED);
    let interrupts = Interrupts::listen()?;
    let (_, settings) = args.broker.settings()?;
    let broker = mtor_broker::start(settings).await?;
    terminal::line(&format!("listening on http://{}", broker.address()))?;
    interrupts.or_at_once(broker.run_until(interrupts.first.clone())).await
}
