//! Every limit and threshold of the resolver, in one place. The thresholds are measured: see the book's page on intents,
//! and `mtor-embed evaluate`, which prints what they lead to.

/// What the realm answers to, unless it is told another phrase.
pub const WAKE_WORD: &str = "computer";

/// Most words of an utterance that rules look at. What is longer is somebody's story, not a command.
pub const RULE_WORDS_MAX: usize = 40;

/// Most words of an utterance that examples may turn into a control word. Control words are short.
pub const CONTROL_WORDS_MAX: usize = 9;

/// How many of an intent's nearest examples count. One alone is at the mercy of a single odd example. Of one, two and three,
/// three gave the fewest wrong actions on the dev half of the evaluation set, with as many right answers.
pub const NEIGHBOURS: usize = 3;

/// How much the nearest of them counts; the others share the rest.
pub const NEAREST_WEIGHT: f32 = 0.6;

/// An action whose examples are this near is done. On the dev half, anything from 0.36 to 0.48 leads to one wrong action in
/// 117 sentences that no rule knows; a higher one asks back more often.
pub const ACT_MIN: f32 = 0.44;

/// An action that sends or switches something has to be nearer: it can't be taken back.
pub const ACT_FIRMLY_MIN: f32 = 0.48;

/// An action that is nearer than this, but not near enough to be done, is asked about; what is farther is a question.
/// Questions about the world lie as near as 0.38 to one command or another.
pub const ASK_MIN: f32 = 0.38;

/// A control word has to be this near.
pub const CONTROL_MIN: f32 = 0.55;

/// Two intents that lie less than this apart are equally likely, and are asked about. With 0.04 it led to twice as many wrong
/// actions on the dev half, since the model's wrong firsts lie close to the right seconds.
pub const MARGIN: f32 = 0.08;

/// How sure the rules are of an action, whose parameters may be cut wrongly all the same.
pub const RULE_CONFIDENCE: f32 = 0.95;
