//! The model's own chat template: Jinja text from the model file that turns a conversation into a prompt.
//!
//! Templates are written for Python's Jinja as Hugging Face sets it up; what they use of it is provided here. What a
//! template's output means in tokens, and that nobody's text is taken for a marker, is `prompt`'s concern.

use std::fmt::Write as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest, Serde};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};

use crate::error::Failure;
use crate::request::{Speaker, Turn};
use crate::shape::{Call, instructions};

/// The template for models that bring none: the form that most instruct models know.
const CHATML: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n\
     {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// Where an answer in the ChatML form ends.
pub(crate) const CHATML_END: &str = "<|im_end|>";

const NAME: &str = "chat";

/// A chat template, ready to use.
#[derive(Debug)]
pub(crate) struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
    is_fallback: bool,
    /// Whether it tells the model of tools by itself, and shows it what they gave.
    knows_tools: bool,
}

impl ChatTemplate {
    /// The template with this source, or ChatML where there is none. `bos` and `eos` are the texts of the model's
    /// begin and end tokens, empty where it has none.
    ///
    /// # Errors
    /// With a reason, when the source is not valid Jinja.
    pub(crate) fn new(source: Option<&str>, bos: &str, eos: &str) -> Result<Self, String> {
        let mut environment = python_like_environment();
        let text = source.map_or_else(|| CHATML.to_string(), without_generation_tags);
        environment.add_template_owned(NAME, text).map_err(|error| in_full(&error))?;
        let (bos, eos, is_fallback) = (bos.to_string(), eos.to_string(), source.is_none());
        let mut template = Self { environment, bos, eos, is_fallback, knows_tools: false };
        template.knows_tools = template.tells_of_tools();
        Ok(template)
    }

    /// Whether this is ChatML because the model brought nothing.
    pub(crate) fn is_fallback(&self) -> bool {
        self.is_fallback
    }

    /// Whether a tool, its call and its result all come through.
    fn tells_of_tools(&self) -> bool {
        let [tool_name, argument, result] = ["zebra_count", "savannah", "forty-one zebras"];
        let tool = serde_json::json!({ "type": "function", "function": {
            "name": tool_name, "description": tool_name, "parameters": { "type": "object", "properties": {} } } });
        let arguments = serde_json::Map::from_iter([("place".to_owned(), argument.into())]);
        let turns = [
            Turn::new(Speaker::User, "?"),
            Turn {
                calls: vec![Call { name: tool_name.into(), arguments }],
                ..Turn::new(Speaker::Assistant, "")
            },
            Turn::new(Speaker::Tool, result),
        ];
        let tells = |turns: &[Turn], tools: &[serde_json::Value], words: &[&str]| {
            self.render_as_is(turns, tools).is_ok_and(|text| words.iter().all(|word| text.contains(word)))
        };
        tells(&turns[..1], &[tool], &[tool_name]) && tells(&turns, &[], &[argument, result])
    }

    /// The prompt that asks for the next turn of the model.
    ///
    /// # Errors
    /// [`Failure::BadRequest`] with the template's own words when it refuses the conversation.
    pub(crate) fn render(&self, turns: &[Turn], tools: &[serde_json::Value]) -> Result<String, Failure> {
        if self.knows_tools || (tools.is_empty() && turns.iter().all(has_no_tools)) {
            return self.render_known(turns, tools);
        }
        self.render_known(&in_plain_words(turns, tools), &[])
    }

    fn render_known(&self, turns: &[Turn], tools: &[serde_json::Value]) -> Result<String, Failure> {
        let refusal = match self.render_as_is(turns, tools) {
            Ok(prompt) => return Ok(prompt),
            Err(error) => error,
        };
        // Some models were taught without a system turn, and their templates refuse it. The instructions then go
        // where such models expect them: at the head of what the user says.
        if let Some(folded) = system_folded_into_user(turns)
            && let Ok(prompt) = self.render_as_is(&folded, tools)
        {
            return Ok(prompt);
        }
        let reason = refusal.detail().unwrap_or("it can't be rendered");
        Err(Failure::BadRequest(format!("this model's chat template refuses the conversation: {reason}")))
    }

    fn render_as_is(&self, turns: &[Turn], tools: &[serde_json::Value]) -> Result<String, minijinja::Error> {
        let message = |turn: &Turn| {
            let said = [("role", Value::from(turn.speaker.role())), ("content", Value::from(&*turn.content))];
            let calls: Vec<Value> = turn.calls.iter().map(call_value).collect();
            let called = (!calls.is_empty()).then(|| ("tool_calls", Value::from(calls)));
            Value::from_pairs(said.into_iter().chain(called))
        };
        self.environment.get_template(NAME)?.render(context! {
            messages => turns.iter().map(message).collect::<Vec<Value>>(),
            add_generation_prompt => true,
            bos_token => &*self.bos,
            eos_token => &*self.eos,
            tools => (!tools.is_empty()).then(|| Value::from(Serde(tools))),
            documents => (),
        })
    }
}

fn call_value(call: &Call) -> Value {
    Value::from(Serde(serde_json::json!({
        "type": "function", "function": { "name": call.name, "arguments": call.arguments } })))
}

fn has_no_tools(turn: &Turn) -> bool {
    turn.calls.is_empty() && turn.speaker != Speaker::Tool
}

/// Tools, calls and results as words, for a template that knows none: in the instructions, in what the model said, and in
/// what it is told.
fn in_plain_words(turns: &[Turn], tools: &[serde_json::Value]) -> Vec<Turn> {
    let mut told: Vec<Turn> = Vec::with_capacity(turns.len() + 1);
    for turn in turns {
        let calls = turn.calls.iter().map(Call::to_text);
        let words: Vec<String> =
            Some(turn.content.clone()).filter(|text| !text.is_empty()).into_iter().chain(calls).collect();
        let turn = match turn.speaker {
            Speaker::Tool => {
                let result = format!("<tool_response>\n{}\n</tool_response>", turn.content);
                match told.last_mut().filter(|last| last.speaker == Speaker::User) {
                    Some(last) => {
                        last.content = format!("{}\n{result}", last.content);
                        continue;
                    }
                    None => Turn::new(Speaker::User, result),
                }
            }
            speaker => Turn::new(speaker, words.join("\n")),
        };
        told.push(turn);
    }
    if !tools.is_empty() {
        let instructions = instructions(tools);
        match told.first_mut().filter(|first| first.speaker == Speaker::System) {
            Some(first) => first.content = format!("{}\n\n{instructions}", first.content),
            None => told.insert(0, Turn::new(Speaker::System, instructions)),
        }
    }
    told
}

fn python_like_environment() -> Environment<'static> {
    let mut environment = Environment::new();
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |reason: String| -> Result<Value, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, reason))
    });
    environment.add_function("strftime_now", |format: String| {
        let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
        jiff::fmt::strtime::format(&format, &now)
            .map_err(|error| minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string()))
    });
    environment.add_filter("tojson", tojson);
    environment
}

/// JSON as Python writes it for a model: nothing escaped for HTML, which Jinja's own filter would do.
fn tojson(value: Value, _positional: Rest<Value>, options: Kwargs) -> Result<String, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    let invalid =
        |error: serde_json::Error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string());
    let Some(indent) = indent else {
        return serde_json::to_string(&value).map_err(invalid);
    };
    let spaces = vec![b' '; indent.min(16)];
    let mut json = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(&spaces);
    let mut serializer = serde_json::Serializer::with_formatter(&mut json, formatter);
    serde::Serialize::serialize(&value, &mut serializer).map_err(invalid)?;
    Ok(String::from_utf8_lossy(&json).into_owned())
}

/// Training marks the model's own words with a `generation` block. It prints its content unchanged, so a block that
/// always holds does the same.
fn without_generation_tags(source: &str) -> String {
    let mut text = source.to_string();
    for open in ["{%-", "{%"] {
        for close in ["-%}", "%}"] {
            text = text.replace(&format!("{open} generation {close}"), &format!("{open} if true {close}"));
            text = text.replace(&format!("{open} endgeneration {close}"), &format!("{open} endif {close}"));
        }
    }
    text
}

/// The conversation with its system turns put at the head of the first user turn. `None` without system turns, or
/// with nobody to say them.
fn system_folded_into_user(turns: &[Turn]) -> Option<Vec<Turn>> {
    let (system, mut others): (Vec<Turn>, Vec<Turn>) =
        turns.iter().cloned().partition(|turn| turn.speaker == Speaker::System);
    let first_user = others.iter_mut().find(|turn| turn.speaker == Speaker::User)?;
    let instructions: Vec<String> = system.into_iter().map(|turn| turn.content).collect();
    if instructions.is_empty() {
        return None;
    }
    first_user.content = format!("{}\n\n{}", instructions.join("\n\n"), first_user.content);
    Some(others)
}

/// An error with its causes, in one line.
fn in_full(error: &minijinja::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // Writing to a string can't fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Greets with a system turn of its own unless the conversation brings one, as many small models' templates do.
    const WITH_DEFAULT_SYSTEM: &str = "\
        {% for message in messages %}\
        {% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}\
        {{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}\
        {% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    /// Written over many lines, with whitespace control, tools and look-behind, as larger models' templates are.
    const WITH_TOOLS: &str = r#"
{%- if tools %}
    {{- '<|im_start|>system\nTools:' }}
    {%- for tool in tools %}
        {{- '\n' }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- '<|im_end|>\n' }}
{%- elif messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
{%- else %}
    {{- '<|im_start|>system\nYou help.<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.index0 == 0 or messages[loop.index0 - 1].role != "tool" %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != "tool" %}
            {{- '<|im_end|>\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
"#;

    fn template(source: &str) -> ChatTemplate {
        ChatTemplate::new(Some(source), "<s>", "</s>").unwrap()
    }

    fn user(text: &str) -> Turn {
        Turn::new(Speaker::User, text)
    }

    #[test]
    fn a_system_turn_is_added_only_when_there_is_none() {
        let template = template(WITH_DEFAULT_SYSTEM);
        assert_eq!(
            template.render(&[user("Hi")], &[]).unwrap(),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
        assert_eq!(
            template.render(&[Turn::new(Speaker::System, "Be brief."), user("Hi")], &[]).unwrap(),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn a_long_template_with_whitespace_control_and_neighbours_renders_exactly() {
        let turns = [
            user("Weather?"),
            Turn::new(Speaker::Assistant, "I look."),
            Turn::new(Speaker::Tool, "rain"),
            Turn::new(Speaker::Tool, "wind"),
        ];
        assert_eq!(
            template(WITH_TOOLS).render(&turns, &[]).unwrap(),
            "<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\nWeather?<|im_end|>\n\
             <|im_start|>assistant\nI look.<|im_end|>\n<|im_start|>user\n<tool_response>\nrain\n</tool_response>\n\
             <tool_response>\nwind\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn a_model_without_a_template_gets_chatml() {
        let template = ChatTemplate::new(None, "", "").unwrap();
        assert!(template.is_fallback());
        assert_eq!(
            template.render(&[user("Hi")], &[]).unwrap(),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn what_python_templates_use_is_there() {
        let render = |source: &str| template(source).render(&[user("  Hello, World ")], &[]).unwrap();
        assert_eq!(render("{{ bos_token }}|{{ eos_token }}"), "<s>|</s>");
        assert_eq!(render("{{ messages[0].content.strip().lower() }}"), "hello, world");
        assert_eq!(render("{{ messages[0].content.split(',')[-1] | trim }}"), "World");
        assert_eq!(render("{{ messages[0]['content'].strip().startswith('Hello') }}"), "True");
        assert_eq!(render("{{ {'a': '<b>', 'c': 'é'} | tojson }}"), r#"{"a":"<b>","c":"é"}"#);
        assert_eq!(render("{{ {'a': 1} | tojson(indent=2) }}"), "{\n  \"a\": 1\n}");
        assert_eq!(
            render("{% for n in [1, 2, 3] %}{% if n == 2 %}{% continue %}{% endif %}{{ n }}{% endfor %}"),
            "13"
        );
        assert_eq!(
            render(
                "{% set ns = namespace(n=0) %}{% for _ in range(3) %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}"
            ),
            "3"
        );
        assert_eq!(
            render("{% if tools is not none %}tools{% endif %}{% if x is defined %}x{% endif %}-"),
            "-"
        );
        assert_eq!(render("{{ messages[1:] | length }}{{ messages[-1].role }}"), "0user");
        assert_eq!(render("{% macro say(x) %}[{{ x }}]{% endmacro %}{{ say('a') }}"), "[a]");
        assert_eq!(render("{%- generation -%} a {%- endgeneration %}"), "a");
        assert_eq!(render("a\n    {% if true %}\nb\n    {% endif %}\nc"), "a\nb\nc");
    }

    #[test]
    fn the_date_is_there_for_those_who_ask() {
        let year = template("{{ strftime_now('%Y') }}").render(&[user("Hi")], &[]).unwrap();
        assert!(year.parse::<u32>().unwrap() >= 2025, "{year}");
    }

    #[test]
    fn a_template_that_refuses_says_why_in_its_own_words() {
        let refusing = template("{{ raise_exception('roles must alternate') }}");
        let failure = refusing.render(&[user("Hi")], &[]).unwrap_err();
        assert_eq!(
            failure,
            Failure::BadRequest(
                "this model's chat template refuses the conversation: roles must alternate".into()
            )
        );
    }

    #[test]
    fn instructions_reach_a_model_that_knows_no_system_turn() {
        let strict = template(
            "{% for message in messages %}{% if message.role == 'system' %}\
             {{ raise_exception('no system turn') }}{% endif %}[{{ message.content }}]{% endfor %}",
        );
        let turns = [Turn::new(Speaker::System, "Be brief."), user("Hi")];
        assert_eq!(strict.render(&turns, &[]).unwrap(), "[Be brief.\n\nHi]");
        assert!(strict.render(&turns[..1], &[]).is_err());
    }

    #[test]
    fn a_broken_template_is_refused_with_a_reason() {
        let reason = ChatTemplate::new(Some("{% if %}"), "", "").unwrap_err();
        assert!(reason.contains("syntax error"), "{reason}");
    }

    fn zebra() -> serde_json::Value {
        serde_json::json!({ "type": "function", "function": { "name": "zebra" } })
    }

    fn with_a_call() -> [Turn; 3] {
        let arguments = serde_json::Map::from_iter([("n".to_owned(), 1.into())]);
        let call = Call { name: "zebra".into(), arguments };
        let called = Turn { calls: vec![call], ..Turn::new(Speaker::Assistant, "") };
        [user("How many?"), called, Turn::new(Speaker::Tool, "41")]
    }

    #[test]
    fn a_template_that_knows_tools_tells_of_them_itself() {
        let knowing = template(
            "{% if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}\
             {% for message in messages %}[{{ message.role }}:{{ message.content }}\
             {% for call in message.tool_calls %}{{ call.function.name }}{{ call.function.arguments | tojson }}{% endfor %}]{% endfor %}",
        );
        assert!(knowing.knows_tools);
        let text = knowing.render(&with_a_call(), &[zebra()]).unwrap();
        assert!(text.ends_with("[user:How many?][assistant:zebra{\"n\":1}][tool:41]"), "{text}");
        assert!(text.starts_with("{\"function\":{\"name\":\"zebra\"}"), "{text}");
    }

    #[test]
    fn a_template_that_knows_none_is_told_in_words() {
        let plain = template(WITH_DEFAULT_SYSTEM);
        assert!(!plain.knows_tools);
        let text = plain.render(&with_a_call(), &[zebra()]).unwrap();
        assert!(text.starts_with("<|im_start|>system\nYou can use tools."), "{text}");
        assert!(text.contains("\"name\":\"zebra\""), "{text}");
        assert!(
            text.contains(
                "assistant\n<tool_call>\n{\"arguments\":{\"n\":1},\"name\":\"zebra\"}\n</tool_call>"
            ),
            "{text}"
        );
        assert!(text.contains("user\n<tool_response>\n41\n</tool_response>"), "{text}");
        let untold = plain.render(&[user("Hi")], &[]).unwrap();
        assert!(!untold.contains("tools"), "{untold}");
    }
}
