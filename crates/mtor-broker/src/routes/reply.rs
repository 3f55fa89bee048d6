//! Answers: JSON, and problems in the shape that the route's clients expect.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mtor_protocol::openai::ErrorBody;
use mtor_protocol::{Problem, ProblemKind};

/// By this OpenAI's clients know whether asking again is of use.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

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
        let mut response = with_status(&self.0, Json(ErrorBody::from(&self.0)).into_response());
        if self.0.is(ProblemKind::InsufficientFunds) {
            // As OpenAI says that a quota is spent: its clients raise what programs written for it look for, and don't try again.
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        response
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_limit_is_a_spent_quota_for_openais_clients_alone() {
        let problem = Problem::new(ProblemKind::InsufficientFunds, "the grant is spent");
        let theirs = problem_for("/v1/chat/completions", &problem);
        assert_eq!(
            (theirs.status().as_u16(), &theirs.headers()[SHOULD_RETRY]),
            (429, &HeaderValue::from_static("false"))
        );
        assert_eq!(ErrorBody::from(&problem).error.code.as_deref(), Some("insufficient_quota"));
        assert_eq!(problem_for("/api/jobs", &problem).status().as_u16(), 402);
        let busy =
            problem_for("/v1/models", &Problem::new(ProblemKind::TooManyRequests, "full").retry_after_s(3));
        assert_eq!(
            (busy.status().as_u16(), &busy.headers()[header::RETRY_AFTER]),
            (429, &HeaderValue::from(3))
        );
        assert!(!busy.headers().contains_key(SHOULD_RETRY));
    }
}
