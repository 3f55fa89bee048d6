//! Every deadline and limit of the harness, in one place. The deadlines are generous: they end a test that hangs, and
//! measure nothing.

use std::time::Duration;

/// The longest wait for anything that the realm does by itself.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The longest wait for what loads a model or installs a program.
pub const LONG_PATIENCE: Duration = Duration::from_secs(300);

/// The pause between two looks at something that tells nobody when it changes.
pub const LOOK: Duration = Duration::from_millis(20);

/// Ports that realms get: below those that the system gives to outgoing connections, so that the port of a realm that
/// was killed is still there for its next life.
pub const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// How often another port is tried when the first was taken in the moment between looking and listening.
pub const PORT_TRIES: u32 = 5;

/// Tokens that a scripted worker says it read, whatever was asked.
pub const SCRIPTED_INPUT_TOKENS: u64 = 5;

/// Silence after words that are said into a microphone: more than the end of an utterance needs to be noticed.
pub const SILENCE_AFTER_S: f32 = 2.0;
