//! Answers: JSON, and problems in the shape that the route's clients expect.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mtor_protocol::Problem;
use mtor_protocol::openai::ErrorBody;

/// A problem on its way to a client, as RFC 9457 says.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) Problem);

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<crate::realm::RealmGone> for Refusal {
    fn from(gone: crate::realm::RealmGone) -> Self {
        Self(gone.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = with_status(&self.0, Json(&self.0).into_response());
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// A problem in OpenAI's shape.
#[derive(Debug)]
pub(super) struct OpenAiRefusal(pub(super) Problem);

impl From<Problem> for OpenAiRefusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for OpenAiRefusal {
    fn into_response(self) -> Response {
        with_status(&self.0, Json(ErrorBody::from(&self.0)).into_response())
    }
}

/// A problem in the shape that goes with a path.
pub(super) fn problem_for(path: &str, problem: &Problem) -> Response {
    match path.starts_with("/v1/") {
        true => OpenAiRefusal(problem.clone()).into_response(),
        false => Refusal(problem.clone()).into_response(),
    }
}

fn with_status(problem: &Problem, mut response: Response) -> Response {
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
