//! What it costs to read and to write one event: the pieces of an answer, which are many, and a question with a long
//! conversation.
//!
//! Run with `cargo bench -p mtor-protocol`.

use divan::counter::BytesCount;
use mtor_protocol::body::Chunk;
use mtor_protocol::worker::Piece;
use mtor_protocol::{Body, ChatMessage, ChatTask, Event, Intent, JobId, Role, Submit, Task, Timestamp};

const NOW: Timestamp = Timestamp(1_700_000_000_123);
const SOURCE: &str = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";

fn main() {
    divan::main();
}

fn chunk() -> Event {
    let body = Body::JobChunk(Chunk { offset: 1_234, text: " Paris, of course.".into(), tokens: 5 });
    Event::numbered(SOURCE, NOW, JobId(7 << 80), 42, body)
}

fn piece() -> Event {
    let body = Body::WorkerChunk(Piece { lease: 99, text: " Paris,\n\"of course\".".into(), tokens: 5 });
    Event::about(SOURCE, NOW, JobId(7 << 80), body)
}

fn conversation() -> Event {
    let message = |index: usize| {
        let role = if index.is_multiple_of(2) { Role::User } else { Role::Assistant };
        ChatMessage::new(role, "What is the capital of France, and why is it \"the\" capital?\n".repeat(8))
    };
    let task = ChatTask { messages: (0..20).map(message).collect(), ..ChatTask::default() };
    let body = Body::JobSubmit(Submit::new(Intent::any_model(Task::Chat(task))));
    Event::about(SOURCE, NOW, JobId(7 << 80), body)
}

fn write(bencher: divan::Bencher<'_, '_>, event: &Event) {
    bencher.counter(BytesCount::of_str(&event.to_json())).bench_local(|| event.to_json());
}

fn parse(bencher: divan::Bencher<'_, '_>, event: &Event) {
    let text = event.to_json();
    let parse = || Event::parse(divan::black_box(&text)).expect("it was written here");
    bencher.counter(BytesCount::of_str(&text)).bench_local(parse);
}

#[divan::bench]
fn write_a_chunk(bencher: divan::Bencher<'_, '_>) {
    write(bencher, &chunk());
}

#[divan::bench]
fn parse_a_piece(bencher: divan::Bencher<'_, '_>) {
    parse(bencher, &piece());
}

#[divan::bench]
fn write_a_conversation(bencher: divan::Bencher<'_, '_>) {
    write(bencher, &conversation());
}

#[divan::bench]
fn parse_a_conversation(bencher: divan::Bencher<'_, '_>) {
    parse(bencher, &conversation());
}
