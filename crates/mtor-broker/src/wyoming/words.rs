//! What went wrong, as an event of the protocol. What is said aloud of it are the sentences of `mtor-intent`.

use mtor_protocol::{Problem, ProblemKind};
use mtor_wyoming::Message;

/// The error that a client or satellite is sent.
pub(super) fn error(problem: &Problem) -> Message {
    let code = problem.known_kind().map_or("worker-failed", ProblemKind::slug);
    let words = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    Message::error(words.clone(), code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_keeps_its_words_and_its_kind() {
        let Message::Error(fault) = error(&Problem::new(ProblemKind::NoWorker, "")) else {
            panic!("no error")
        };
        assert_eq!(
            (fault.text.as_str(), fault.code.as_deref()),
            (ProblemKind::NoWorker.title(), Some("no-worker"))
        );
        let said = error(&Problem::new(ProblemKind::UnknownModel, "no model x"));
        assert_eq!(said, Message::error("no model x", "unknown-model"));
    }
}
