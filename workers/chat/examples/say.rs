//! Asks a model file one question and prints the answer as it is written, then how fast it was.
//!
//!     cargo run --release -p mtor-chat --example say -- model.gguf "What is the capital of France?" [copies]
//!
//! With `copies`, that many conversations ask at once and the first one's answer is shown.

use std::time::Instant;

use mtor_chat::{ChatRequest, Engine, EngineOptions, Event, Generation, Sampling, Speaker, Turn};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(question)) = (arguments.next(), arguments.next()) else {
        return Err("give a model file and a question".into());
    };
    let copies: usize = arguments.next().map_or(Ok(1), |number| number.parse())?;

    let engine = Engine::start(&EngineOptions::new(model))?;
    let facts = engine.facts();
    println!(
        "{}: {} tokens of window, {} slots, {:.0?}",
        facts.name,
        facts.window,
        facts.slots,
        engine.speed()
    );

    let began = Instant::now();
    let ask = || {
        engine.submit(ChatRequest {
            turns: vec![Turn::new(Speaker::User, question.as_str())],
            sampling: Sampling::greedy(),
            max_tokens: Some(200),
            ..ChatRequest::default()
        })
    };
    let mut generations = (0..copies).map(|_| ask()).collect::<Result<Vec<Generation>, _>>()?;
    for (index, generation) in generations.iter_mut().enumerate() {
        while let Some(event) = generation.next_blocking() {
            match event {
                Event::Text { text, .. } if index == 0 => print!("{text}"),
                Event::Text { .. } => {}
                other => println!("\n[{index}] {other:?} after {:.2?}", began.elapsed()),
            }
        }
    }
    println!("{:.1?} after {} steps", engine.speed(), engine.steps());
    Ok(())
}
