//! `mtor broker`: the broker alone, without workers; or one of several brokers of a realm.

use std::net::SocketAddr;

use clap::Args;
use mtor_broker::Settings;
use mtor_cluster::{Cluster, Event};
use mtor_protocol::Did;

use crate::commands::realm_file::BrokerArgs;
use crate::commands::worker::Kind;
use crate::logging;
use crate::signals::Interrupts;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  mtor broker
  mtor broker --data /srv/realm --listen 0.0.0.0:9000
  MTOR_LOG=debug mtor broker
  MTOR_POSTGRES=postgres://mtor@db/mtor mtor broker --relay 10.0.0.2:9100      one of several brokers of a realm

Workers are attached with `mtor worker`. $MTOR_LOG sets what is logged: error, warn, info (the default), debug.
With a database in realm.toml ([cluster]) or $MTOR_POSTGRES this is one of several brokers, see the book's page \"Several brokers\".";

/// Starts the broker only. It runs until Ctrl-C or SIGTERM, which drain it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BrokerOnlyArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    /// As one of several brokers: where to take connections of the others [default: what realm.toml says]
    #[arg(long, value_name = "ADDRESS:PORT", env = "MTOR_RELAY", hide_env_values = true)]
    relay: Option<SocketAddr>,
    /// A worker that is started beside this broker.
    #[arg(long, hide = true, value_name = "DID")]
    house_worker: Vec<String>,
    /// A kind of worker without which the realm is not ready.
    #[arg(long, hide = true, value_name = "KIND", value_parser = Kind::parse)]
    expect: Vec<Kind>,
}

/// Runs it.
pub(crate) async fn run(args: BrokerOnlyArgs) -> anyhow::Result<()> {
    logging::to_stderr(logging::LOGGED);
    let interrupts = Interrupts::listen()?;
    let (_, mut settings) = args.broker.settings()?;
    settings.house_workers = args.house_worker.into_iter().map(Did).collect();
    settings.expected = args.expect.into_iter().filter_map(Kind::capability).collect();
    if let Some(cluster) = cluster(&settings, args.relay) {
        let running = mtor_cluster::run(settings, cluster, interrupts.first.clone(), tell);
        return interrupts.or_at_once(running).await;
    }
    let broker = mtor_broker::start(settings).await?;
    terminal::line(&format!("listening on http://{}", broker.address()))?;
    interrupts.or_at_once(broker.run_until(interrupts.first.clone())).await
}

/// What joins this broker to others, if anything does. The environment goes before the file, since it may hold a password.
fn cluster(settings: &Settings, relay: Option<SocketAddr>) -> Option<Cluster> {
    let section = &settings.file.cluster;
    let named = |variable: &str, value: &str| {
        let value = std::env::var(variable).unwrap_or_else(|_| value.to_owned());
        Some(value).filter(|value| !value.is_empty())
    };
    Some(Cluster {
        postgres: named("MTOR_POSTGRES", &section.postgres)?,
        nats: named("MTOR_NATS", &section.nats),
        relay: relay.unwrap_or(section.relay),
    })
}

fn tell(event: Event) {
    let line = match event {
        Event::Listening(address) => format!("listening on http://{address}"),
        Event::Follows(leader) if leader.is_empty() => "nobody leads".to_owned(),
        Event::Follows(leader) => format!("follows {leader}"),
        Event::Leads => "leads".to_owned(),
    };
    // Nobody reads it any more: no reason to end.
    let _ = terminal::line(&line);
}
