//! `/v1/embeddings`.

use axum::Json;
use axum::extract::{Request, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mtor_protocol::openai::{Embedding, EmbeddingList, EmbeddingRequest};
use mtor_protocol::{EmbedTask, Intent, Problem, ProblemKind, Submit, Task};
use serde_json::Value;

use super::{OpenAiRefusal, Tied, completed};
use crate::routes::Shared;
use crate::routes::request::Asked;

pub(in crate::routes) async fn embeddings(
    State(app): Shared,
    request: Request,
) -> Result<Json<EmbeddingList>, OpenAiRefusal> {
    let asked = Asked::read(&app, request).await?;
    let request: EmbeddingRequest = asked.json()?;
    if request.dimensions.is_some() {
        let detail = "vectors are as long as the model makes them; leave dimensions out";
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("dimensions").into());
    }
    let base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            let detail = format!("encoding_format must be \"float\" or \"base64\", not {other:?}");
            return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("encoding_format").into());
        }
    };
    let task = Task::Embed(EmbedTask { input: request.input.into_vec() });
    let intent = Intent { model: request.model.clone(), task };
    let submit = Submit { fresh: asked.wants_fresh(), ..Submit::new(intent) };
    let (tied, end) = Tied::submit_to_the_end(app, asked.wallet, submit, None).await?;
    let usage = completed(end)?.usage;
    let (text, _) = tied.stream.answer();
    let vectors: Vec<Vec<f32>> = serde_json::from_str(&text).map_err(|error| {
        Problem::new(ProblemKind::WorkerFailed, format!("its answer is no list of vectors: {error}"))
    })?;
    let embedding = |(index, vector): (usize, Vec<f32>)| Embedding {
        object: "embedding",
        index,
        embedding: if base64 { encode(&vector) } else { vector.into() },
    };
    Ok(Json(EmbeddingList {
        object: "list",
        data: vectors.into_iter().enumerate().map(embedding).collect(),
        model: tied.stream.model().unwrap_or(request.model),
        usage: usage.into(),
    }))
}

fn encode(vector: &[f32]) -> Value {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    Value::String(STANDARD.encode(bytes))
}
