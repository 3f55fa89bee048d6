//! MCP servers: each tool that one has becomes a capability, `tool.NAME`, with its own schema.

mod http;
mod rpc;
mod stdio;
mod tools;

use mtor_worker::protocol::{CapabilityOffer, FinishReason, Task, Usage};
use mtor_worker::{Finished, Job, JobError, Output};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::fault::{Fault, RunError, infeasible};
use crate::http::Key;
use crate::offered::Offered;
use crate::pictures;
use crate::service::Service;
use rpc::Said;
use tools::{Tool, described};

pub use stdio::ServerCommand;

/// The version of the protocol that is asked for; servers answer with theirs.
const VERSION: &str = "2025-06-18";

/// An MCP server.
#[derive(Debug)]
pub struct Mcp {
    link: Link,
    offered: Offered,
    tools: watch::Sender<Vec<Tool>>,
}

#[derive(Debug)]
enum Link {
    Http(Box<http::Link>),
    Stdio(stdio::Link),
}

impl Mcp {
    /// The server at this address (streamable HTTP).
    ///
    /// # Errors
    /// When the address is none.
    pub fn over_http(url: Url, key: Option<Key>, offered: Offered) -> anyhow::Result<Self> {
        Ok(Self::new(Link::Http(http::Link::new(url, key)?.into()), offered))
    }

    /// The server that is this program. It is started when it is needed, started again when it dies, and ends with us.
    pub fn over_stdio(command: ServerCommand, offered: Offered) -> Self {
        Self::new(Link::Stdio(stdio::Link::new(command)), offered)
    }

    fn new(link: Link, offered: Offered) -> Self {
        Self { link, offered, tools: watch::channel(Vec::new()).0 }
    }

    async fn ask(&self, method: &str, params: Value, output: Option<&mut Output>) -> Result<Value, RunError> {
        match &self.link {
            Link::Http(link) => link.ask(method, params, output).await,
            Link::Stdio(link) => link.ask(method, params, output).await,
        }
    }

    async fn list(&self) -> Result<Vec<Tool>, RunError> {
        let (mut tools, mut cursor) = (Vec::new(), None::<String>);
        // Pages without end are nobody's tools.
        for _ in 0..tools::PAGES_MAX {
            let params = cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
            let page: tools::Page = rpc::read(self.ask("tools/list", params, None).await?)?;
            tools.extend(page.tools);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(tools)
    }
}

impl Service for Mcp {
    fn address(&self) -> String {
        match &self.link {
            Link::Http(link) => link.address(),
            Link::Stdio(link) => link.address(),
        }
    }

    async fn look(&self) -> Result<Vec<CapabilityOffer>, Fault> {
        let tools = self.list().await.map_err(|error| match error {
            RunError::Service(fault) => fault,
            RunError::Job(error) => Fault::Nonsense(error.to_string()),
        })?;
        let tools = described(tools);
        if tools.is_empty() {
            return Err(Fault::Nothing("it has no tool that a realm can be told of".to_owned()));
        }
        let offers = tools.iter().map(|tool| tool.offer(&self.offered)).collect();
        self.tools.send_replace(tools);
        Ok(offers)
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, RunError> {
        let Task::Tool(task) = &job.intent.task else {
            return Err(infeasible(format!("this server does not {}", job.intent.task.kind())));
        };
        let name = self
            .tools
            .borrow()
            .iter()
            .find(|tool| tool.capability == *task.tool.kind())
            .map(|tool| tool.name.clone());
        let name = name.ok_or_else(|| infeasible(format!("this server has no {}", task.tool.kind())))?;
        let params = json!({"name": name, "arguments": task.arguments});
        let said: Said = rpc::read(self.ask("tools/call", params, Some(output)).await?)?;
        if said.is_error {
            // The tool was asked, and could not: another of its kind would be asked the same.
            let detail = format!("the tool says: {}", said.text());
            return Err(JobError::refused(mtor_worker::protocol::ProblemKind::WorkerFailed, detail).into());
        }
        let mut written = false;
        for (number, content) in (0..).zip(said.content) {
            match content.into_part(number)? {
                rpc::Content::Text(text) => {
                    let between = if written { "\n" } else { "" };
                    output.text(&format!("{between}{text}"), 0).await?;
                    written = true;
                }
                rpc::Content::Part { name, media_type, data } => {
                    output.part(&name, &media_type, &data).await?;
                }
            }
        }
        Ok(Finished { usage: Usage::default(), finish: FinishReason::Stop })
    }
}

/// What a tool tells of how far it has come.
async fn tell_progress(params: &Value, output: &mut Output) -> Result<(), RunError> {
    if let Some(message) = params.get("message").and_then(Value::as_str) {
        return Ok(output.partial(message).await?);
    }
    let number = |name: &str| params.get(name).and_then(Value::as_f64);
    match (number("progress"), number("total")) {
        (Some(done), Some(total)) if total > 0.0 => pictures::progress(output, 0, 1, done / total).await,
        _ => Ok(()),
    }
}
