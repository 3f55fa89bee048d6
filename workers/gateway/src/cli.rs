//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use mtor_gateway::http::{Key, parse_base};
use mtor_gateway::mcp::ServerCommand;
use mtor_gateway::{Asked, Offered, defaults};
use mtor_worker::protocol::{Micro, Needs, Price};
use mtor_wyoming::Address;
use reqwest::Url;

const EXAMPLES: &str = "\
Examples:
  mtor-gateway openai http://127.0.0.1:11434                 Ollama, with all its models
  mtor-gateway openai https://api.openai.com --key-file F    OpenAI, with the key in the file F
  mtor-gateway anthropic https://api.anthropic.com --key-env ANTHROPIC_API_KEY
  mtor-gateway comfyui http://127.0.0.1:8188                 draws pictures
  mtor-gateway automatic1111 http://127.0.0.1:7860           draws pictures; it must run with --api
  mtor-gateway mcp http://127.0.0.1:8000/mcp                 an MCP server's tools
  mtor-gateway mcp-command -- uvx mcp-server-time            the same of one that is a program
  mtor-gateway wyoming tcp://127.0.0.1:10300                 a speech-to-text service on this machine
  mtor-gateway discover                                      which of them run on this machine

A service that is not there, or goes, is waited for; meanwhile the realm is offered nothing of it. The gateway runs until
Ctrl-C or SIGTERM, which lets its jobs finish first. A key is read from a file or from the environment, is shown to its service
alone, and is never logged. $MTOR_LOG sets what is logged: a level, or levels by module.

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// The gateway worker of MTOR: attaches services that speak another protocol to a realm.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) service: ServiceKind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceKind {
    /// A Wyoming service, as Home Assistant uses them: speech to text, text to speech
    Wyoming(WyomingOptions),
    /// A service that speaks OpenAI's interface: Ollama, vLLM, llama.cpp's server, LM Studio, OpenAI
    #[command(name = "openai")]
    OpenAi(WebOptions),
    /// Anthropic's Messages interface
    Anthropic(WebOptions),
    /// Automatic1111, Forge or SD.Next, run with --api
    Automatic1111(WebOptions),
    /// ComfyUI
    #[command(name = "comfyui")]
    ComfyUi(ComfyOptions),
    /// Hugging Face's inference interface, for the models that --offer names
    #[command(name = "huggingface")]
    HuggingFace(WebOptions),
    /// An MCP server over streamable HTTP
    Mcp(WebOptions),
    /// An MCP server that is a program, over its standard input and output
    McpCommand(CommandOptions),
    /// Says as JSON what service is at an address
    Probe {
        /// Where: http://HOST:PORT, https://HOST, tcp://HOST:PORT
        address: String,
    },
    /// Says which of these services run on this machine
    Discover(DiscoverOptions),
}

/// How every service is attached.
#[derive(Debug, clap::Args)]
pub(crate) struct Attached {
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    /// What people call this worker; by default after the service
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Jobs at once, for each thing that the service offers
    #[arg(long, value_name = "N", default_value_t = defaults::SLOTS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(defaults::SLOTS_MAX)))]
    pub(crate) slots: u32,
    /// The worker's key: its name in the realm, and where it is paid. Made when it is not there
    #[arg(long, value_name = "FILE", default_value = "mtor-gateway.key")]
    pub(crate) key: PathBuf,
}

/// What is offered, and what is asked for it.
#[derive(Debug, clap::Args)]
pub(crate) struct Terms {
    /// Offer this instead of what the service says that it has: chat=MODEL, imagine=MODEL, ...
    #[arg(long = "offer", value_name = "CAPABILITY=MODEL")]
    offers: Vec<Asked>,
    /// What its models can do beside conversing, where it does not say so itself, or wrongly
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    can: Vec<Ability>,
    /// Coins to ask for a job, whatever it uses
    #[arg(long, value_name = "COINS", default_value = "0")]
    price_job: Micro,
    /// Coins to ask for a thousand tokens read
    #[arg(long, value_name = "COINS", default_value = "0")]
    price_input: Micro,
    /// Coins to ask for a thousand tokens written
    #[arg(long, value_name = "COINS", default_value = "0")]
    price_output: Micro,
    /// Coins to ask for a thousand seconds of sound
    #[arg(long, value_name = "COINS", default_value = "0")]
    price_sound: Micro,
    /// Coins to ask for a thousand pictures
    #[arg(long, value_name = "COINS", default_value = "0")]
    price_images: Micro,
}

impl Terms {
    pub(crate) fn offered(self, slots: u32) -> Offered {
        let price = Price {
            job: self.price_job,
            input_ktoken: self.price_input,
            output_ktoken: self.price_output,
            ksecond: self.price_sound,
            kimage: self.price_images,
        };
        let has = |ability| self.can.contains(&ability);
        let can = Needs { tools: has(Ability::Tools), json: has(Ability::Json) };
        Offered { slots, price, named: self.offers, can: (!self.can.is_empty()).then_some(can) }
    }
}

/// What a model can do beside conversing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ability {
    /// Calls tools
    Tools,
    /// Keeps to a JSON schema
    Json,
    /// Neither
    Nothing,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct WebOptions {
    /// Where the service is: http://HOST:PORT or https://HOST
    #[arg(value_name = "ADDRESS", value_parser = parse_base)]
    pub(crate) address: Url,
    #[command(flatten)]
    pub(crate) secret: Secret,
    #[command(flatten)]
    pub(crate) terms: Terms,
    #[command(flatten)]
    pub(crate) attached: Attached,
}

/// Where the service's key is.
#[derive(Debug, clap::Args)]
pub(crate) struct Secret {
    /// A file with the service's key
    #[arg(long, value_name = "FILE", conflicts_with = "key_env")]
    key_file: Option<PathBuf>,
    /// The environment variable with the service's key
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
}

impl Secret {
    /// The key, if one was named.
    ///
    /// # Errors
    /// When it can't be read. The key itself is in no message.
    pub(crate) fn read(&self) -> anyhow::Result<Option<Key>> {
        let (text, place) = match (&self.key_file, &self.key_env) {
            (Some(file), _) => {
                let text =
                    std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
                (text, file.display().to_string())
            }
            (None, Some(name)) => {
                let text = std::env::var(name).with_context(|| format!("the environment variable {name}"))?;
                (text, format!("${name}"))
            }
            (None, None) => return Ok(None),
        };
        Key::new(&text).map(Some).map_err(anyhow::Error::msg).with_context(|| format!("the key in {place}"))
    }
}

#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(crate) struct ComfyOptions {
    #[command(flatten)]
    pub(crate) web: WebOptions,
    /// A workflow in API format, with "%prompt%" where the prompt shall be; also "%negative%", "%model%", "%seed%",
    /// "%steps%", "%width%" and "%height%"
    #[arg(long, value_name = "FILE")]
    pub(crate) workflow: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(crate) struct CommandOptions {
    #[command(flatten)]
    pub(crate) terms: Terms,
    #[command(flatten)]
    pub(crate) attached: Attached,
    /// The program and what it is started with. It has our environment: put keys there
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl CommandOptions {
    pub(crate) fn server(&mut self) -> ServerCommand {
        let mut command = std::mem::take(&mut self.command).into_iter();
        // At least one is required.
        let program = command.next().unwrap_or_default();
        ServerCommand { program, arguments: command.collect() }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct DiscoverOptions {
    /// As JSON, one line for each
    #[arg(long, conflicts_with = "attach")]
    pub(crate) json: bool,
    /// Attach what is found, until Ctrl-C or SIGTERM
    #[arg(long)]
    pub(crate) attach: bool,
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    /// The workers' keys: the service's name is added to this file's. Made when they are not there
    #[arg(long, value_name = "FILE", default_value = "mtor-gateway.key")]
    pub(crate) key: PathBuf,
}

impl DiscoverOptions {
    /// How a service of this name is attached, when it was found.
    pub(crate) fn attached(&self, name: &str) -> Attached {
        let stem = self.key.file_stem().unwrap_or_default().to_string_lossy();
        let key = self.key.with_file_name(format!("{stem}-{name}.key"));
        Attached { realm: self.realm.clone(), name: Some(name.to_owned()), slots: defaults::SLOTS, key }
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct WyomingOptions {
    /// Where the service is: tcp://HOST:PORT or unix:///PATH
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: Address,
    #[command(flatten)]
    pub(crate) attached: Attached,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn an_address_is_needed_and_must_be_one() {
        assert!(Options::try_parse_from(["mtor-gateway", "wyoming"]).is_err());
        assert!(Options::try_parse_from(["mtor-gateway", "wyoming", "tcp://a:1"]).is_ok());
        let error = Options::try_parse_from(["mtor-gateway", "wyoming", "a:1"]).unwrap_err().to_string();
        assert!(error.contains("write tcp://HOST:PORT or unix:///PATH"), "{error}");
        assert!(Options::try_parse_from(["mtor-gateway", "wyoming", "tcp://a:1", "--slots", "0"]).is_err());
        let error = Options::try_parse_from(["mtor-gateway", "openai", "a:1"]).unwrap_err().to_string();
        assert!(error.contains("http://HOST:PORT"), "{error}");
    }

    #[test]
    fn what_is_asked_for_work_is_said_in_coins() {
        let words = ["mtor-gateway", "openai", "http://a", "--offer", "chat=m", "--price-output", "0.5"];
        let ServiceKind::OpenAi(options) = Options::try_parse_from(words).unwrap().service else {
            panic!("no openai")
        };
        let offered = options.terms.offered(3);
        assert_eq!((offered.price.output_ktoken, offered.slots), (Micro(500_000), 3));
        assert_eq!((&*offered.named[0].model, offered.can), ("m", None));

        let words = ["mtor-gateway", "openai", "http://a", "--can", "tools,json"];
        let ServiceKind::OpenAi(options) = Options::try_parse_from(words).unwrap().service else {
            panic!("no openai")
        };
        assert_eq!(options.terms.offered(1).can, Some(Needs { tools: true, json: true }));
    }

    #[test]
    fn a_key_comes_from_a_file_or_the_environment_and_never_from_the_command_line() {
        let folder = std::env::temp_dir();
        let missing = Secret { key_file: Some(folder.join("no-such-mtor-key")), key_env: None };
        assert!(missing.read().unwrap_err().to_string().contains("reading"));
        assert!(Secret { key_file: None, key_env: None }.read().unwrap().is_none());
        assert!(Options::try_parse_from(["mtor-gateway", "openai", "http://me:secret@a"]).is_err());
    }

    #[test]
    fn a_program_is_what_comes_after_two_dashes() {
        let words = ["mtor-gateway", "mcp-command", "--slots", "4", "--", "uvx", "mcp-server-time", "--utc"];
        let ServiceKind::McpCommand(mut options) = Options::try_parse_from(words).unwrap().service else {
            panic!("no program")
        };
        let server = options.server();
        assert_eq!((server.program.to_str(), server.arguments.len()), (Some("uvx"), 2));
    }
}
