//! Every limit and threshold of the resolver, in one place. The thresholds are measured: see the book's page on intents,
//! and `mtor-embed evaluate`, which prints what they lead to.

/// What the realm answers to, unless it is told another phrase.
pub const WAKE_WORD: &str = "computer";

/// Most words of an utterance that rules look at. What is longer is somebody's story, not a command.
pub const RULE_WORDS_MAX: usize = 40;

/// Most words of an utterance that examples may turn into a control word. Control words are short.
pub const CONTROL_WORDS_MAX: usize = 9;

/// How many of an intent's nearest examples count. One alone is at the mercy of a single odd example.
pub const NEIGHBOURS: usize = 2;

/// The nearest example counts this much more than the others of [`NEIGHBOURS`].
pub const NEAREST_WEIGHT: f32 = 0.7;

/// An action whose examples are this near is done.
pub const ACT_MIN: f32 = 0.5;

/// An action that sends or switches something has to be nearer: it can't be taken back.
pub const ACT_FIRMLY_MIN: f32 = 0.55;

/// An action that is nearer than this, but not near enough to be done, is asked about. Below it is a question.
pub const ASK_MIN: f32 = 0.42;

/// A control word has to be this near.
pub const CONTROL_MIN: f32 = 0.62;

/// Two intents that lie less than this apart are equally likely.
pub const MARGIN: f32 = 0.04;

/// How sure the rules are of an action, whose parameters may be cut wrongly all the same.
pub const RULE_CONFIDENCE: f32 = 0.95;
