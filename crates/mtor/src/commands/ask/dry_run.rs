//! `mtor ask --dry-run`: what a question would lead to, without asking it.

use mtor_protocol::Submit;
use mtor_protocol::body::Quote;
use mtor_protocol::intent::DEFAULT_MODEL;

use super::AskArgs;
use crate::client::Api;
use crate::terminal;

/// Asks for a quote, and shows it. Nothing is held, and nothing is written down.
pub(super) async fn run(args: &AskArgs, submit: &Submit) -> anyhow::Result<()> {
    let who = args.who.who(&args.realm.realm, &args.data.folder()?)?;
    let quote: Quote = Api::new(&args.realm.realm, who)?.post("/api/jobs?dry_run=true", submit).await?;
    if args.json {
        return terminal::json(&quote);
    }
    terminal::write(&text(&quote))
}

fn text(quote: &Quote) -> String {
    let model = match quote.model.as_str() {
        DEFAULT_MODEL => "whichever model is free".to_owned(),
        name => terminal::harmless(name),
    };
    let offers = if quote.offers == 1 { "offer fits" } else { "offers fit" };
    let wait = match (quote.position, quote.eta_ms) {
        (0, Some(0)) => "at once".to_owned(),
        (position, Some(ms)) => format!("in about {} s, after {position} others", ms.div_ceil(1_000)),
        (position, None) => format!("after {position} others; how long that takes is not known yet"),
    };
    format!(
        "would do  {}, with {model} ({} {offers} it)\nprice of  {} models: at most {} coins, held until {}\nbegins    {wait}\n",
        quote.capability, quote.offers, quote.size, quote.max, quote.expires
    )
}

#[cfg(test)]
mod tests {
    use mtor_protocol::{CapabilityKind, Micro, ModelSize, Price, Timestamp};

    use super::*;

    #[test]
    fn it_says_what_by_whom_and_for_how_much() {
        let quote = Quote {
            max: Micro(4_378),
            price: Price::default(),
            capability: CapabilityKind::CHAT,
            model: "default".to_owned(),
            size: ModelSize::Small,
            offers: 2,
            position: 3,
            eta_ms: Some(7_200),
            expires: Timestamp(0),
        };
        let expected = "\
would do  chat, with whichever model is free (2 offers fit it)
price of  small models: at most 0.004378 coins, held until 1970-01-01T00:00:00.000Z
begins    in about 8 s, after 3 others
";
        assert_eq!(text(&quote), expected);
        let now = Quote { position: 0, eta_ms: Some(0), offers: 1, model: "big".to_owned(), ..quote };
        assert!(text(&now).contains("with big (1 offer fits it)") && text(&now).ends_with("at once\n"));
    }
}
