//! `mtor peer`: other realms that this one trades work with.

use clap::{Args, Subcommand};
use mtor_protocol::peer::{PeerInfo, PeerInvite, PeerInviteRequest, PeerJoinRequest, PeerTerms};
use mtor_protocol::{CapabilityKind, Did, Micro};

use crate::client::{Api, RealmArg, WhoArg, did};
use crate::data::DataArg;
use crate::terminal::{self, Align};

const EXAMPLES: &str = "\
Examples:
  mtor peer invite --address http://192.168.1.7:9000
  mtor peer join CODE --address http://192.168.1.9:9000 --share chat --limit 20
  mtor peer list
  mtor peer set did:key:z6Mk... --share chat,embed --limit 50
  mtor peer remove did:key:z6Mk...

A job goes to a peer only when it says so (mtor ask --privacy peers), and no worker here is free.
Only a realm's owner has a say in its peers.";

/// Other realms: invite them, join them, and say what they may use and owe.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PeerArgs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    who: WhoArg,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    realm: RealmArg,
    /// Print JSON, with amounts in micro
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a code with which another realm can join this one: once, within an hour
    Invite {
        /// Where the other realm reaches this one
        #[arg(long, value_name = "URL")]
        address: String,
        #[command(flatten)]
        terms: TermsArg,
    },
    /// Join the realm that has made this code
    Join {
        /// What the other realm's owner has given you
        code: String,
        /// Where the other realm reaches this one, so that it can lend something too
        #[arg(long, value_name = "URL")]
        address: Option<String>,
        #[command(flatten)]
        terms: TermsArg,
    },
    /// The peers, and how each stands with this realm
    List,
    /// Change what a peer may use and owe
    Set {
        /// Its key, did:key:z6Mk...
        #[arg(value_parser = did)]
        did: Did,
        #[command(flatten)]
        terms: TermsArg,
    },
    /// Part with a peer: nothing is shared any more; what it owes it owes still
    Remove {
        /// Its key, did:key:z6Mk...
        #[arg(value_parser = did)]
        did: Did,
    },
}

/// On what terms it is a peer.
#[derive(Debug, Args)]
struct TermsArg {
    /// What it may use of this realm's workers: chat, embed; nothing unless said
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = kind)]
    share: Vec<CapabilityKind>,
    /// The most coins that it may owe
    #[arg(long, value_name = "COINS", default_value = "0")]
    limit: Micro,
}

impl From<TermsArg> for PeerTerms {
    fn from(TermsArg { share, limit }: TermsArg) -> Self {
        Self { share, limit }
    }
}

fn kind(name: &str) -> Result<CapabilityKind, String> {
    CapabilityKind::new(name).ok_or_else(|| format!("{name:?} is no capability"))
}

/// Asks and shows.
pub(crate) async fn run(args: PeerArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.realm.realm, args.who.who(&args.realm.realm, &args.data.folder()?)?)?;
    let peers: Vec<PeerInfo> = match args.action {
        Action::Invite { address, terms } => {
            let request = PeerInviteRequest { address, terms: terms.into() };
            let invite: PeerInvite = api.post("/api/peers/invite", &request).await?;
            let said = format!("{}\n\ngood once, until {}\n", invite.code, invite.expires);
            return if args.json { terminal::json(&invite) } else { terminal::write(&said) };
        }
        Action::Join { code, address, terms } => {
            vec![api.post("/api/peers/join", &PeerJoinRequest { code, address, terms: terms.into() }).await?]
        }
        Action::List => api.get("/api/peers").await?,
        Action::Set { did, terms } => {
            vec![api.post(&format!("/api/peers/{did}"), &PeerTerms::from(terms)).await?]
        }
        Action::Remove { did } => api.delete(&format!("/api/peers/{did}")).await?,
    };
    match args.json {
        true => terminal::json(&peers),
        false if peers.is_empty() => terminal::line("this realm has no peers; begin with: mtor peer invite"),
        false => terminal::write(&table(&peers)),
    }
}

fn table(peers: &[PeerInfo]) -> String {
    let columns = [
        ("name", Align::Left),
        ("lends us", Align::Left),
        ("may use", Align::Left),
        ("owes", Align::Right),
        ("limit", Align::Right),
        ("is owed", Align::Right),
        ("key", Align::Left),
    ];
    let names = |kinds: &[CapabilityKind]| match kinds {
        [] => "nothing".to_owned(),
        kinds => kinds.iter().map(CapabilityKind::as_str).collect::<Vec<_>>().join(", "),
    };
    let row = |peer: &PeerInfo| {
        vec![
            terminal::harmless(&peer.name).to_string(),
            names(&peer.offers),
            names(&peer.terms.share),
            peer.owes.to_string(),
            peer.terms.limit.to_string(),
            peer.owed.to_string(),
            peer.did.to_string(),
        ]
    };
    terminal::table(&columns, &peers.iter().map(row).collect::<Vec<_>>())
}
