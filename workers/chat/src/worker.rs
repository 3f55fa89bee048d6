//! Between the realm and the engine: a job of the one is a request to the other.

use std::sync::Arc;

use mtor_chat::{
    Call, ChatRequest, Engine, Event, Failure, Finish, Generation, Sampling, Shape, Speaker, Tool, Turn,
};
use mtor_worker::protocol::worker::OfferLimits;
use mtor_worker::protocol::{
    Announcement, CallableTool, CapabilityKind, CapabilityOffer, ChatMessage, ChatTask, FinishReason, Needs,
    ProblemKind, Role, Task, ToolChoice, limits,
};
use mtor_worker::{CancellationToken, Finished, Job, JobError, Output, Stopped, Worker};

use crate::cli::Options;

/// The worker that the realm sees.
pub(crate) struct ChatWorker {
    engine: Arc<Engine>,
    name: String,
    model: String,
    answer_tokens_max: Option<u32>,
    /// What a question gets that names none.
    temperature: f32,
}

impl ChatWorker {
    pub(crate) fn new(engine: Arc<Engine>, options: &Options) -> Self {
        let file = options.model.as_deref().and_then(|path| path.file_stem()).unwrap_or_default();
        let model = options.model_id.clone().unwrap_or_else(|| file.to_string_lossy().into_owned());
        Self {
            engine,
            name: within_limit(&options.name),
            model: within_limit(&model),
            answer_tokens_max: options.max_tokens,
            temperature: options.temperature,
        }
    }
}

impl Worker for ChatWorker {
    fn announcement(&self) -> Announcement {
        let facts = self.engine.facts();
        let mut offer = CapabilityOffer::new(CapabilityKind::CHAT, self.model.as_str(), facts.slots);
        offer.parameters = Some(facts.parameters).filter(|parameters| *parameters > 0);
        offer.limits = OfferLimits {
            context_tokens: Some(facts.window),
            output_tokens: self.answer_tokens_max,
            input_bytes: None,
        };
        offer.tokens_per_s = self.tokens_per_s();
        // Grammars hold every model to both.
        offer.can = Needs { tools: true, json: true };
        Announcement::new(self.name.as_str(), [offer])
    }

    fn tokens_per_s(&self) -> Option<f32> {
        let speed = self.engine.speed().writing as f32;
        (speed.is_finite() && speed > 0.0).then_some(speed)
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Chat(task) = job.intent.task else {
            return Err(JobError::refused(ProblemKind::Infeasible, "this worker only chats"));
        };
        let answer_tokens = job.output_tokens_max.min(self.answer_tokens_max.unwrap_or(u32::MAX));
        let request = request(task, job.prefix, answer_tokens, self.temperature);
        // Making the prompt of a long conversation takes a while.
        let engine = Arc::clone(&self.engine);
        let generation = tokio::task::spawn_blocking(move || engine.submit(request))
            .await
            .map_err(|error| JobError::failed(format!("the prompt could not be made: {error}")))?
            .map_err(job_error)?;
        relay(generation, &job.cancelled, output).await
    }
}

/// Hands the answer on as it is written. Leaving early drops the generation, which frees its slot.
async fn relay(
    mut generation: Generation,
    cancelled: &CancellationToken,
    output: &mut Output,
) -> Result<Finished, JobError> {
    loop {
        let event = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Err(Stopped.into()),
            event = generation.next() => event,
        };
        match event {
            Some(Event::Started { .. }) => {}
            Some(Event::Text { text, tokens }) => output.text(&text, saturated(tokens)).await?,
            Some(Event::Done { finish, prompt_tokens, completion_tokens }) => {
                let finish = match finish {
                    Finish::Stop => FinishReason::Stop,
                    Finish::Length => FinishReason::Length,
                    Finish::Cancelled => return Err(Stopped.into()),
                };
                // Tokens that became no text, such as those of a stop string, were written all the same.
                let silent = (completion_tokens as u64).saturating_sub(output.tokens());
                output.text("", u32::try_from(silent).unwrap_or(u32::MAX)).await?;
                return Ok(Finished { usage: output.usage(prompt_tokens as u64), finish });
            }
            Some(Event::Failed(failure)) => return Err(job_error(failure)),
            None => return Err(JobError::failed("the engine has ended")),
        }
    }
}

/// The engine's request for a job of the realm. What the job leaves open is left to the engine.
fn request(task: ChatTask, prefix: String, answer_tokens: u32, temperature: f32) -> ChatRequest {
    let open = Sampling::default();
    let tools = task.callable().iter().map(tool).collect();
    let shape = shape(&task);
    ChatRequest {
        sampling: Sampling {
            temperature: task.temperature.unwrap_or(temperature),
            top_p: task.top_p.unwrap_or(open.top_p),
            seed: task.seed,
            frequency_penalty: task.frequency_penalty.unwrap_or(open.frequency_penalty),
            presence_penalty: task.presence_penalty.unwrap_or(open.presence_penalty),
            ..open
        },
        turns: task.messages.into_iter().map(turn).collect(),
        prefix,
        tools,
        shape,
        max_tokens: Some(answer_tokens),
        stop: task.stop,
    }
}

fn turn(message: ChatMessage) -> Turn {
    let speaker = match message.role {
        Role::System => Speaker::System,
        Role::User => Speaker::User,
        Role::Assistant => Speaker::Assistant,
        Role::Tool => Speaker::Tool,
    };
    let calls = message.calls.into_iter().map(|call| Call { name: call.name, arguments: call.arguments });
    Turn { calls: calls.collect(), ..Turn::new(speaker, message.content) }
}

fn tool(tool: &CallableTool) -> Tool {
    let CallableTool { name, description, parameters } = tool.clone();
    Tool { name, description, parameters }
}

fn shape(task: &ChatTask) -> Shape {
    match (&task.format, &task.tool_choice) {
        (Some(format), _) => Shape::Json(format.schema()),
        (None, ToolChoice::Required) => Shape::Call(None),
        (None, ToolChoice::Named(name)) => Shape::Call(Some(name.clone())),
        (None, ToolChoice::Auto | ToolChoice::None) => Shape::Free,
    }
}

/// What the realm is told. A request that is wrong here is wrong everywhere; all else another worker may do better.
fn job_error(failure: Failure) -> JobError {
    let text = failure.to_string();
    match failure {
        // Another worker may have a larger window; the realm knows them all.
        Failure::ContextExceeded { .. } => JobError::refused(ProblemKind::ContextExceeded, text),
        Failure::BadRequest(_) => JobError::refused(ProblemKind::InvalidRequest, text),
        Failure::Busy { .. } => {
            JobError { retry: true, ..JobError::refused(ProblemKind::TooManyRequests, text) }
        }
        Failure::Engine(_) => JobError::failed(text),
    }
}

fn saturated(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// A name as long as the wire takes; what is longer loses its end.
fn within_limit(name: &str) -> String {
    let mut end = name.len().min(limits::NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use mtor_chat::defaults;

    use super::*;

    #[test]
    fn a_task_reaches_the_engine_whole() {
        let task = ChatTask {
            messages: [(Role::System, "Be kind."), (Role::User, "Hi"), (Role::Assistant, "Hello")]
                .map(|(role, content)| ChatMessage::new(role, content))
                .into(),
            temperature: Some(0.0),
            seed: Some(7),
            presence_penalty: Some(1.5),
            stop: vec!["END".into()],
            ..ChatTask::default()
        };
        let request = request(task, "Hel".into(), 9, defaults::TEMPERATURE);
        assert_eq!(
            request.turns,
            [
                Turn::new(Speaker::System, "Be kind."),
                Turn::new(Speaker::User, "Hi"),
                Turn::new(Speaker::Assistant, "Hello")
            ]
        );
        assert_eq!((request.prefix.as_str(), request.max_tokens), ("Hel", Some(9)));
        assert_eq!(request.stop, ["END"]);
        let wanted =
            Sampling { temperature: 0.0, seed: Some(7), presence_penalty: 1.5, ..Sampling::default() };
        assert_eq!(request.sampling, wanted);
    }

    #[test]
    fn calls_are_marked_as_the_wire_says() {
        use mtor_worker::protocol::calls;
        assert_eq!((mtor_chat::CALL_BEGIN, mtor_chat::CALL_END), (calls::CALL_BEGIN, calls::CALL_END));
    }

    #[test]
    fn only_failures_of_this_worker_are_tried_elsewhere() {
        let context = job_error(Failure::ContextExceeded { have: 5_210, limit: 4_096 });
        assert!(!context.retry);
        assert_eq!(context.problem.detail, "the prompt is 5,210 tokens, this model's window is 4,096");
        assert!(!job_error(Failure::BadRequest("no".into())).retry);
        assert!(job_error(Failure::Busy { waiting: 16 }).retry);
        assert!(job_error(Failure::Engine("out of memory".into())).retry);
    }

    #[test]
    fn long_names_lose_their_end_between_characters() {
        assert_eq!(within_limit("chat"), "chat");
        let long = within_limit(&"é".repeat(100));
        assert_eq!(long, "é".repeat(64));
    }
}
